/**
 * What the script finds out in containers of all kinds: here a shell stands in for the registry, with its arguments. On a
 * real one: collector.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { ContainerRuntime } from '../../../scripts/sandbox/runtime/runtime.ts';
import { selectRuntime } from '../../../scripts/sandbox/runtime/select.ts';
import { eventually } from '../../e2e/support/wait.ts';

const SCRIPT = join(import.meta.dirname, '../../../src/adapters/kubernetes/collector.sh');
const PATH = '/usr/bin:/bin';
const FILES = '{ version: 0.1, storage: { filesystem: { rootdirectory: /data }, cache: {} } }';

interface Container {
  /** What process 1 is, by its arguments. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The configuration's text. */
  readonly configuration?: string;
  /** Where it is mounted. */
  readonly at?: '/etc/distribution' | '/etc/docker/registry' | '/conf';
}

/** A process with these arguments that lasts. */
function lasting(...words: readonly string[]): string[] {
  return ['sh', '-c', 'sleep 60; :', ...words];
}

describe('the script that looks into a registry', () => {
  let folder: string;
  let runtime: ContainerRuntime;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'collector-script-'));
    runtime = await selectRuntime(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function ask(verb: string, given: Container): Promise<{ status: number; output: string }> {
    const conf = mkdtempSync(join(folder, 'conf-'));
    const data = mkdtempSync(join(folder, 'data-'));
    writeFileSync(join(conf, 'config.yml'), given.configuration ?? FILES, { mode: 0o644 });
    mkdirSync(join(data, 'docker/registry/v2/repositories'), { recursive: true });
    const { at = '/conf', command = lasting('registry', 'serve', `${at}/config.yml`) } = given;
    const container = await runtime.start({
      ...{ command, env: { PATH, ...given.env }, workingDir: '/', uid: 0, gid: 0 },
      ...{ readOnlyRoot: true, network: false },
      mounts: [
        { kind: 'bind', path: at, source: conf },
        { kind: 'bind', path: '/data', source: data },
        { kind: 'bind', path: '/script.sh', source: SCRIPT },
      ],
    });
    try {
      const process = await container.exec(['sh', '/script.sh', verb]);
      process.stdin.end();
      let output = '';
      for await (const chunk of process.stdout) output += chunk;
      return { status: await process.exited, output };
    } finally {
      await container.kill();
    }
  }

  async function finds(given: Container, expected: { configuration: string; root?: string }): Promise<void> {
    // An init takes a moment to start what serves.
    const found = await eventually('a registry that serves', async () => {
      const { status, output } = await ask('inspect', given);
      return status === 0 ? output : undefined;
    });
    const fields = Object.fromEntries(found.split('\n').map((line) => line.split(/=(.*)/)));
    assert.equal(fields.configuration, expected.configuration);
    assert.equal(fields.root, expected.root);
    assert.match(fields.program, /^\/\S+/);
  }

  const isolated = (name: string, test: () => Promise<void>) =>
    it(name, async (context: TestContext) => {
      if (!runtime.isolated) return context.skip('needs Linux namespaces');
      await test();
    });

  isolated('finds the file that it was started with', () =>
    finds({}, { configuration: '/conf/config.yml', root: '/data' }),
  );

  isolated('finds it below an init', () =>
    finds(
      { command: ['sh', '-c', 'sh -c "sleep 60; :" registry serve /conf/config.yml; :', 'init'] },
      { configuration: '/conf/config.yml', root: '/data' },
    ),
  );

  for (const at of ['/etc/distribution', '/etc/docker/registry'] as const)
    isolated(`finds it where images have it: ${at}`, () =>
      finds(
        { at, command: lasting('registry', 'serve') },
        { configuration: `${at}/config.yml`, root: '/data' },
      ),
    );

  isolated('finds it by its variable, and by a relative path', async () => {
    const env = { REGISTRY_CONFIGURATION_PATH: '/conf/config.yml' };
    await finds(
      { env, command: lasting('registry', 'serve', '--flag') },
      { configuration: env.REGISTRY_CONFIGURATION_PATH, root: '/data' },
    );
    await finds(
      { command: lasting('registry', 'serve', 'conf/config.yml') },
      { configuration: '//conf/config.yml', root: '/data' },
    );
  });

  isolated('sees whether the content is in files', async () => {
    const configuration = '/conf/config.yml';
    const root = '/data';
    await finds({ configuration: 'storage:\n  s3:\n    rootdirectory: /data\n' }, { configuration });
    await finds({ env: { REGISTRY_STORAGE: 's3' } }, { configuration });
    await finds(
      { configuration: 'storage:\n  filesystem:\n    rootdirectory: "/data"\n' },
      { configuration, root },
    );
    await finds(
      { configuration: '{}', env: { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: root } },
      { configuration, root },
    );
    await finds(
      { configuration: 'storage:\n  filesystem:\n    rootdirectory: /elsewhere\n' },
      { configuration },
    );
  });

  isolated('sees where it caches', async () => {
    const cacheOf = async (given: Container) =>
      /^cache=(.*)$/m.exec((await ask('inspect', given)).output)?.[1];
    const redis = 'storage:\n  cache:\n    # blobdescriptor: inmemory\n    blobdescriptor: "redis"\n';
    assert.equal(await cacheOf({ configuration: redis }), 'redis');
    assert.equal(
      await cacheOf({ configuration: '{"storage":{"cache":{"blobdescriptor":"inmemory"}}}' }),
      'inmemory',
    );
    assert.equal(await cacheOf({ env: { REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR: 'redis' } }), 'redis');
    assert.equal(await cacheOf({}), '');
  });

  isolated('says so where nothing serves, more than one, or one without its file', async () => {
    for (const command of [['sleep', '60'], lasting('registry', 'serve', '/conf/gone.yml')]) {
      const { status, output } = await ask('inspect', { command });
      assert.deepEqual([status, output], [5, '']);
    }
  });

  isolated('counts collectors, and neither itself nor what only mentions them', async () => {
    const counted = async (...words: string[]) =>
      Number((await ask('count', { command: lasting(...words) })).output);
    assert.equal(await counted('registry', 'garbage-collect', '/conf/config.yml'), 1);
    assert.equal(await counted('registry', 'serve', 'no-garbage-collect'), 0);
    assert.equal(await counted('vi', '/notes/garbage-collect.txt'), 0);
  });
});
