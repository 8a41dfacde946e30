import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { contentOfRegistry } from '../../scripts/sandbox/registry/content.ts';
import { podReady } from './conditions.ts';
import { askRegistry } from './registry-client.ts';

const settings = { environments: 4, revisions: 5, legacy: 2, rolloutMs: 50 } as const;

/** Runs a test with a sandbox. */
async function use(
  options: Parameters<typeof startSandbox>[0],
  test: (sandbox: Sandbox) => Promise<void>,
): Promise<void> {
  const sandbox = await startSandbox({ ...settings, ...options });
  try {
    await test(sandbox);
  } finally {
    await sandbox.stop();
  }
}

describe('a sandbox with an object store', () => {
  it('holds what one with files holds, and nothing in files', () =>
    use({ objectStore: {} }, (sandbox) =>
      use({}, async (other) => {
        assert.deepEqual(await contentOfRegistry(sandbox), await contentOfRegistry(other));
        assert.equal(readFileSync(sandbox.environments, 'utf8'), readFileSync(other.environments, 'utf8'));
        assert.deepEqual(readdirSync(sandbox.storage), []);
      }),
    ));

  it('sends clients to it for a blob, on request', () =>
    use({ objectStore: { redirects: true } }, async (sandbox) => {
      const [repository] = await contentOfRegistry(sandbox);
      const { repository: name, tags } = repository ?? assert.fail('the registry is empty');
      const manifest = await askRegistry(sandbox, `/v2/${name}/manifests/${tags[0]?.tag}`);
      const { config } = JSON.parse(manifest.text) as { config: { digest: string; size: number } };
      const { code, headers } = await askRegistry(sandbox, `/v2/${name}/blobs/${config.digest}`);
      assert.equal(code, 307);
      assert.ok(headers.location?.startsWith(`${sandbox.objectStore?.url}/`));
      const blob = await fetch(headers.location ?? '');
      assert.equal((await blob.arrayBuffer()).byteLength, config.size);
    }));

  it('deletes there, as slowly as it reads, and keeps the rest over a restart', () => {
    const registryEnv = [{ name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'true' }];
    return use({ registryEnv, objectStore: {} }, async (sandbox) => {
      assert.ok(sandbox.objectStore);
      const before = await contentOfRegistry(sandbox);
      const { repository, tags } = before.at(-1) ?? assert.fail('the registry is empty');
      const doomed = tags[0]?.digest;
      sandbox.objectStore.readDelayMs = 20;
      const start = performance.now();
      const { code } = await askRegistry(sandbox, `/v2/${repository}/manifests/${doomed}`, {
        method: 'DELETE',
      });
      assert.equal(code, 202);
      assert.ok(performance.now() - start >= 20 * tags.length, 'every tag was to be read');
      sandbox.objectStore.readDelayMs = 0;
      await sandbox.faults.inject({ fault: 'restartRegistry' });
      await podReady(sandbox, 'docker-registry-0');
      const left = tags.filter(({ digest }) => digest !== doomed);
      assert.deepEqual(await contentOfRegistry(sandbox), [
        ...before.slice(0, -1),
        { repository, tags: left },
      ]);
    });
  });
});
