import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsageError } from '../../src/domain/errors.ts';
import { optionDefinitions } from '../../src/options/definitions.ts';
import type { RawOptions } from '../../src/options/values.ts';
import { readOptions } from '../../src/options.ts';

function read(flags: RawOptions = {}, environment: Record<string, string> = {}) {
  return readOptions({
    flags,
    environment,
    resolvePath: (path) => `/user/${path}`,
    resolveDefault: (path) => `/project/${path}`,
  });
}

/** The error that a flag, or else an environment variable, is answered with. */
function faultOf(flags: RawOptions, environment?: Record<string, string>): string {
  try {
    read(flags, environment);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return `${error.message} ${error.next}`;
  }
  return assert.fail('it was accepted');
}

describe('options', () => {
  it('have the defaults that the help tells', () => {
    const options = read();
    assert.deepEqual(
      [options.namespace, options.registry, options.registryWorkload, options.concurrency, options.output],
      ['domino-platform', 'docker-registry:5000', 'docker-registry', 16, 'text'],
    );
    assert.deepEqual([options.rolloutTimeoutMs, options.restoreTimeoutMs], [600_000, 300_000]);
    assert.equal(options.maxAgeMs, 3_600_000);
    assert.deepEqual(
      [options.delete, options.yes, options.resume, options.fresh],
      [false, false, false, false],
    );
    assert.deepEqual([options.kubeconfig, options.strategy], [undefined, undefined]);
    assert.deepEqual([options.via, options.tls], ['pod', false]);
    assert.equal(read({ via: 'skopeo' }).concurrency, 8);
    assert.ok(Object.isFrozen(options));
  });

  it('come from flags, else from the environment, else from the defaults', () => {
    const environment = { REGISTRY_CLEANER_CONCURRENCY: '3', REGISTRY_CLEANER_NAMESPACE: 'b' };
    const { concurrency, namespace, secretNamespace } = read({ namespace: 'a' }, environment);
    assert.deepEqual([concurrency, namespace, secretNamespace], [3, 'a', 'domino-compute']);
  });

  it('can all be given by the environment, each under its name', () => {
    const environment = Object.fromEntries(
      Object.entries(optionDefinitions).map(([name, definition]) => {
        const sample = samples[name] ?? ('choices' in definition ? definition.choices[0] : undefined);
        // The Skopeo of this machine goes with one route only; see below.
        const isGiven = definition.type === 'boolean' && name !== 'local-skopeo';
        const text = isGiven ? 'yes' : (sample ?? 'some');
        return [`REGISTRY_CLEANER_${name.toUpperCase().replaceAll('-', '_')}`, text];
      }),
    );
    const defaults = read();
    const given = read({}, environment);
    const unchanged = (Object.keys(defaults) as (keyof typeof defaults)[]).filter(
      (key) => JSON.stringify(defaults[key]) === JSON.stringify(given[key]),
    );
    assert.deepEqual(
      unchanged.sort(),
      ['estimate', 'imagePullPolicy', 'localSkopeo', 'output', 'verifyMode'],
      'those whose first choice is the default',
    );
  });

  const samples: Record<string, string> = {
    concurrency: '64',
    'keep-last': '5',
    'max-age': '5m',
    'stop-after': '2h',
    via: 'direct',
    strategy: 'by-digest',
    registry: 'registry:5000',
    'local-skopeo': 'no',
    'max-deletions': '10',
    'max-share': '90%',
    plan: `sha256:${'a'.repeat(64)}`,
    'registry-container-port': '5001',
    'rollout-timeout': '1h',
    'restore-timeout': '90s',
    'pod-timeout': '200ms',
    'pod-label': 'a=b,c=d=e',
    'pod-annotation': 'a=',
    'node-selector': 'disk=ssd',
    toleration: 'a=b:NoSchedule,c',
  };

  it('take no time at all for the age of an earlier look', () => {
    assert.deepEqual(
      ['0', '0s', '90s'].map((text) => read({ 'max-age': text }).maxAgeMs),
      [0, 0, 90_000],
    );
  });

  it('take a variable that stands for no option for a mistake', () => {
    assert.throws(
      () => read({}, { REGISTRY_CLEANER_CONTXT: 'prod' }),
      /REGISTRY_CLEANER_CONTXT stands for no option/,
    );
    assert.equal(read({}, { REGISTRY_CLEANER: 'x', REGISTRY_CLEANER_CONTXT: '' }).context, undefined);
  });

  it('take a boolean from the environment in words', () => {
    for (const text of ['true', '1', 'yes', 'TRUE'])
      assert.equal(read({}, { REGISTRY_CLEANER_TLS: text }).tls, true);
    for (const text of ['false', '0', 'no', ''])
      assert.equal(read({}, { REGISTRY_CLEANER_TLS: text }).tls, false);
    assert.match(faultOf({}, { REGISTRY_CLEANER_TLS: 'perhaps' }), /--tls is "perhaps".*true or false/);
  });

  it('take paths from where the user is, and defaults from the project', () => {
    const { environments, stateDir, kubeconfig, from } = read({
      environments: 'mine',
      kubeconfig: 'kube',
      from: 'copy/of-a-run',
    });
    assert.deepEqual([environments, stateDir, kubeconfig], ['/user/mine', '/project/state', '/user/kube']);
    assert.equal(from, '/user/copy/of-a-run');
  });

  it('take lists', () => {
    const options = read({
      'pod-label': ['a=b', 'c=d=e'],
      'node-selector': 'disk=ssd',
      toleration: ['gone', 'key=value', 'key=value:NoExecute', 'key:NoSchedule'],
    });
    assert.deepEqual(options.podLabels, { a: 'b', c: 'd=e' });
    assert.deepEqual(options.nodeSelector, { disk: 'ssd' });
    assert.deepEqual(options.tolerations, [
      { key: 'gone' },
      { key: 'key', value: 'value' },
      { key: 'key', value: 'value', effect: 'NoExecute' },
      { key: 'key', effect: 'NoSchedule' },
    ]);
  });

  const faults: [RawOptions, RegExp][] = [
    [{ 'keep-last': '0' }, /--keep-last is "0".*from 1 to/],
    [{ 'max-age': '-1h' }, /--max-age is "-1h".*90s, 5m or 1h, or 0/],
    [{ 'max-age': '60' }, /--max-age is "60"/],
    [{ 'max-age': '' }, /--max-age is "".*a value/],
    [{ estimate: 'all' }, /--estimate is "all".*touched or registry or none/],
    [{ estimate: 'registry', via: 'skopeo' }, /--estimate registry does not work with --via skopeo/],
    [{ concurrency: '0' }, /--concurrency is "0".*from 1 to 64/],
    [{ concurrency: '65' }, /from 1 to 64/],
    [{ concurrency: '1e1' }, /from 1 to 64/],
    [{ concurrency: '-1' }, /from 1 to 64/],
    [{ concurrency: ' 3' }, /from 1 to 64/],
    [{ concurrency: '3.5' }, /from 1 to 64/],
    [{ concurrency: ['1', '2'] }, /--concurrency is given 2 times/],
    [{ delete: [true, true] as never }, /--delete is given 2 times/],
    [{ 'rollout-timeout': '5' }, /--rollout-timeout is "5".*90s, 5m or 1h/],
    [{ 'rollout-timeout': '0s' }, /90s, 5m or 1h/],
    [{ 'restore-timeout': '-5m' }, /90s, 5m or 1h/],
    [{ 'pod-timeout': '5 m' }, /90s, 5m or 1h/],
    [{ 'pod-timeout': '5M' }, /90s, 5m or 1h/],
    [{ namespace: 'Domino' }, /a Kubernetes name/],
    [{ namespace: '../etc' }, /a Kubernetes name/],
    [{ namespace: '' }, /a value/],
    [{ registry: 'registry' }, /registry:5000/],
    [{ 'registry-container-port': '70000' }, /1 to 65535/],
    [{ 'max-deletions': '-1' }, /whole number/],
    [{ 'max-share': '101' }, /0 to 100/],
    [{ plan: 'abc' }, /sha256: and 64/],
    [{ registry: 'ftp://registry:5000' }, /http\(s\):/],
    [{ registry: 'http://user:pw@registry:5000' }, /http\(s\):/],
    [{ registry: 'http://registry:5000', tls: true }, /one of them/],
    [{ 'tls-insecure': true }, /--tls/],
    [{ 'tls-ca': 'ca.pem', registry: 'https://registry', via: 'skopeo' }, /another route/],
    [{ 'local-skopeo': true, via: 'direct' }, /one of them/],
    [{ via: 'ssh' }, /pod or port-forward or direct or skopeo/],
    [{ strategy: 'fast' }, /auto or by-digest or untag-first/],
    [{ registry: 'registry:5000/x' }, /without a path/],
    [{ registry: 'registry;rm' }, /HOST/],
    [{ registry: '-oops' }, /HOST/],
    [{ only: 'both' }, /new or legacy/],
    [{ output: 'xml' }, /text or json/],
    [{ 'image-pull-policy': 'always' }, /IfNotPresent or Always or Never/],
    [{ 'pod-label': ['novalue'] }, /KEY=VALUE/],
    [{ 'pod-label': ['=x'] }, /KEY=VALUE/],
    [{ toleration: ['a=b:Sometimes'] }, /NoSchedule/],
    [{ toleration: [''] }, /NoSchedule/],
  ];
  for (const [flags, expected] of faults)
    it(`refuse ${JSON.stringify(flags)}`, () => assert.match(faultOf(flags), expected));

  it('accept registries by name, address and IPv6 address', () => {
    for (const registry of ['docker-registry:5000', '127.0.0.1:5000', '[::1]:5000', 'a.b.c'])
      assert.equal(read({ registry }).registry, registry);
  });

  it('read off a URL whether the registry speaks HTTPS, and its port', () => {
    const readUrl = (registry: string) => {
      const { registry: address, tls } = read({ registry });
      return [address, tls];
    };
    assert.deepEqual(readUrl('https://registry.example.com/'), ['registry.example.com:443', true]);
    assert.deepEqual(readUrl('https://registry:5000'), ['registry:5000', true]);
    assert.deepEqual(readUrl('http://[::1]'), ['[::1]:80', false]);
  });

  it('take the Skopeo of this machine for a wish to reach the registry by it', () => {
    assert.deepEqual(
      [read({ 'local-skopeo': true }).via, read({ 'local-skopeo': true }).localSkopeo],
      ['skopeo', true],
    );
  });
});
