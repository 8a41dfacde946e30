import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { applyJsonPatch } from '../../scripts/sandbox/api/json-patch.ts';
import { registryContainer } from '../../src/domain/registry-container.ts';
import { changePatch, manualRestore } from '../../src/domain/setting-change.ts';
import { VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry, JsonPatch } from '../../src/domain/workload.ts';
import { read, type WireWorkload, wireContainer, wireWorkload } from './workloads.ts';

describe('the command that restores the setting by hand', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kubectl-'));
    writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\nprintf '%s\\0' "$@"\n`);
    chmodSync(join(folder, 'kubectl'), 0o700);
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What kubectl is called with when a shell runs the command. */
  function argvOf(command: string): string[] {
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    return execFileSync('/bin/sh', ['-c', command], { env, encoding: 'utf8' }).split('\0').slice(0, -1);
  }

  /** The object with deletion enabled, and the command that was printed for it. */
  function enabledWith(env: EnvEntry[] | undefined, context = 'prod') {
    const before = wireWorkload([wireContainer([], 'sidecar'), wireContainer(env)]);
    const workload = read(before);
    const { patch, record } = changePatch(workload, {
      container: registryContainer(workload, {}),
      record: undefined,
      restore: [],
      set: ['deletion'],
      who: { run: 'r', by: `o'brien@host`, since: 'now' },
    });
    const enabled = applyJsonPatch(before, patch) as WireWorkload;
    const now = read(enabled);
    return { before, enabled, command: manualRestore(now, record, { context, kubeconfig: undefined }) };
  }

  /** Runs the command against an object, which has had other changes since. */
  function runOn(object: WireWorkload, command: string): WireWorkload {
    const later = { ...object, metadata: { ...object.metadata, resourceVersion: '999' } };
    return applyJsonPatch(later, JSON.parse(argvOf(command).at(-1) ?? '') as JsonPatch) as WireWorkload;
  }

  for (const context of ['prod', `it's`, `'`, '$(id)', 'a b\\', '"', '`id`', 'arn:aws:eks:x/y'])
    it(`reaches the right object through a shell, with the context ${context}`, () => {
      const argv = argvOf(enabledWith([], context).command);
      const fixed = ['-n', 'domino-platform', 'patch', 'statefulset/docker-registry', '--type=json', '-p'];
      assert.deepEqual(argv.slice(0, -1), ['--context', context, ...fixed]);
    });

  it('names no context where there is none', () => {
    assert.deepEqual(argvOf(enabledWith([], '').command).slice(0, 2), ['-n', 'domino-platform']);
  });

  const hard = `it's "$HOME" \`id\` $(id) \\ % \n ü \u2028 '\\'' $& $1`;
  for (const [name, env] of Object.entries({
    'no env': undefined,
    'an env without the variable': [{ name: 'A', value: hard }],
    'a value that is hard to quote': [{ name: VARIABLE, value: hard }],
    'a reference': [{ name: VARIABLE, valueFrom: { secretKeyRef: { name: `it's`, key: '$k' } } }],
  }))
    it(`restores the template to the byte, although the object has another version: ${name}`, () => {
      const { before, enabled, command } = enabledWith(env);
      assert.deepEqual(runOn(enabled, command).spec, before.spec);
      assert.equal(JSON.stringify(runOn(enabled, command).spec), JSON.stringify(before.spec));
    });

  /** The enabled object with what somebody has made of the registry's `env` after the command was printed. */
  function changedEnv(enabled: WireWorkload, env: EnvEntry[]): WireWorkload {
    return {
      ...enabled,
      ...wireWorkload([wireContainer([], 'sidecar'), wireContainer(env)], enabled.metadata.annotations),
    };
  }

  it('fails rather than lose a variable that was added since', () => {
    const { enabled, command } = enabledWith(undefined);
    const added = changedEnv(enabled, [
      { name: VARIABLE, value: 'true' },
      { name: 'ADDED', value: '1' },
    ]);
    assert.throws(() => runOn(added, command));
  });

  it('fails rather than overrule somebody who has decided since', () => {
    for (const previous of [undefined, [{ name: VARIABLE, value: '0' }]]) {
      const { enabled, command } = enabledWith(previous);
      for (const env of [[{ name: VARIABLE, value: 'false' }], [{ name: 'OTHER', value: 'true' }], []])
        assert.throws(() => runOn(changedEnv(enabled, env), command));
    }
  });
});
