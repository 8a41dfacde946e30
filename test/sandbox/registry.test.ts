import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { askRegistry, deletionStatus, manifestOf, tagsOf } from './registry-client.ts';

const run = promisify(execFile);
const newRepository = 'dominodatalab/environment';
const settings = { environments: 5, revisions: 8, legacy: 3, rolloutMs: 50, seed: 7 } as const;

describe('registry of the sandbox', () => {
  let sandbox: Sandbox;
  let ids: string[];
  before(async () => {
    sandbox = await startSandbox(settings);
    const lines = readFileSync(sandbox.environments, 'utf8').split('\n');
    ids = lines.filter((line) => /^[0-9a-f]{24} /.test(line)).map((line) => line.slice(0, 24));
  });
  after(() => sandbox.stop());

  const digestOf = async (repository: string, tag: string) =>
    (await manifestOf(sandbox, { repository, tag })).digest;

  describe('what it holds', () => {
    it('is the same for the same seed', async () => {
      const twin = await startSandbox(settings);
      try {
        const tag = `${ids[1]}-5`;
        assert.equal(readFileSync(twin.environments, 'utf8'), readFileSync(sandbox.environments, 'utf8'));
        assert.equal(
          (await manifestOf(twin, { repository: newRepository, tag })).digest,
          await digestOf(newRepository, tag),
        );
      } finally {
        await twin.stop();
      }
    });

    it('is what the environments file names, and a little more', async () => {
      assert.equal(ids.length, 5);
      assert.match(readFileSync(sandbox.environments, 'utf8'), new RegExp(`^#.*\n${ids[0]} 8 7\n`));
      const tags = (await tagsOf(sandbox, newRepository)) ?? [];
      const revisions = ids.flatMap((id) => [1, 2, 3, 4, 5, 6, 7, 8].map((revision) => `${id}-${revision}`));
      const others = tags.filter((tag) => !revisions.includes(tag));
      assert.deepEqual(
        revisions.filter((tag) => !tags.includes(tag)),
        [],
      );
      assert.deepEqual(
        others.filter((tag) => ids.some((id) => tag.startsWith(id))).sort(),
        [`${ids[3]}-007`, `${ids[3]}-3-debug`].sort(),
      );
      assert.equal(
        new Set(others.map((tag) => tag.slice(0, 24))).size,
        3,
        'two environments that the file does not know',
      );
    });

    it('has legacy repositories, one with a buildcache, one abandoned', async () => {
      assert.ok((await tagsOf(sandbox, `domino-${ids[0]}`))?.includes('buildcache'));
      assert.deepEqual(await tagsOf(sandbox, `domino-${ids[1]}`), ['1', '2', '3', '4', '5', '6', '7', '8']);
      assert.deepEqual(await tagsOf(sandbox, `domino-${ids[2]}`), ['1', '2', '3', '4']);
      assert.equal(await tagsOf(sandbox, `domino-${ids[3]}`), undefined);
    });

    it('has twins: a doomed one with a kept one, two doomed ones', async () => {
      assert.equal(
        await digestOf(newRepository, `${ids[0]}-8`),
        await digestOf(newRepository, `${ids[0]}-6`),
      );
      assert.equal(
        await digestOf(newRepository, `${ids[1]}-1`),
        await digestOf(newRepository, `${ids[1]}-2`),
      );
    });

    it('has a kept index over doomed revisions, and a doomed one', async () => {
      for (const [revision, children] of [
        [8, [1, 2]],
        [4, [3]],
      ] as const) {
        const index = await manifestOf(sandbox, { repository: newRepository, tag: `${ids[2]}-${revision}` });
        assert.equal(index.mediaType, 'application/vnd.oci.image.index.v1+json');
        const listed = JSON.parse(index.text).manifests.map(({ digest }: { digest: string }) => digest);
        assert.equal(listed.length, 2);
        for (const child of children)
          assert.ok(listed.includes(await digestOf(newRepository, `${ids[2]}-${child}`)));
      }
    });

    it('is complete: Skopeo copies an image of each kind', async () => {
      const directory = mkdtempSync(`${tmpdir()}/sandbox-copy-`);
      try {
        for (const [repository, tag] of [
          [newRepository, `${ids[0]}-3`],
          [newRepository, `${ids[0]}-4`],
          [newRepository, `${ids[2]}-8`],
          [`domino-${ids[0]}`, 'buildcache'],
        ]) {
          const source = `docker://${sandbox.registry}/${repository}:${tag}`;
          // The sandbox's password is worth nothing elsewhere: here it may stand in an argument.
          const login = ['--src-tls-verify=false', '--src-creds', `${sandbox.username}:${sandbox.password}`];
          await run('skopeo', ['copy', '--all', ...login, source, `dir:${directory}/${tag}`]);
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    it('holds exactly as many tags as asked for without curiosities', async () => {
      const plain = await startSandbox({
        environments: 4,
        revisions: 5,
        legacy: 0,
        retained: 1,
        rolloutMs: 50,
        curiosities: false,
      });
      try {
        assert.equal((await tagsOf(plain, newRepository))?.length, 20);
      } finally {
        await plain.stop();
      }
    });
  });

  describe('how it behaves', () => {
    it('asks for the password, and logs who came', async () => {
      assert.equal((await askRegistry(sandbox, '/v2/', { auth: 'domino-registry:wrong' })).code, 401);
      assert.equal((await askRegistry(sandbox, '/v2/')).code, 200);
      assert.match(readFileSync(sandbox.registryLog, 'utf8'), /"GET \/v2\/ HTTP\/1\.1" 401/);
    });

    it('does not delete', async () => {
      assert.equal(await deletionStatus(sandbox), 405);
    });

    it('fails the requests that it is asked to fail, on a connection that is open already too', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const path = `/v2/${newRepository}/manifests/${ids[0]}-8`;
      const codes = [(await askRegistry(sandbox, path, { agent })).code];
      await sandbox.faults.inject({ fault: 'registryError', method: 'HEAD', path: '/manifests/', times: 1 });
      for (const method of ['GET', 'HEAD', 'HEAD']) {
        codes.push((await askRegistry(sandbox, path, { method, agent })).code);
      }
      agent.destroy();
      assert.deepEqual(codes, [200, 200, 500, 200]);
    });

    it('is slow on request', async () => {
      await sandbox.faults.inject({ fault: 'registrySlow', delayMs: 60 });
      const begin = performance.now();
      await askRegistry(sandbox, '/v2/');
      assert.ok(performance.now() - begin >= 59);
      sandbox.faults.clear();
    });

    it('holds the requests that it is asked to hold until the weather is fair', async () => {
      const path = `/v2/${newRepository}/manifests/${ids[0]}-8`;
      await sandbox.faults.inject({ fault: 'registryHold', after: 1, method: 'HEAD', path: '/manifests/' });
      assert.equal((await askRegistry(sandbox, path, { method: 'HEAD' })).code, 200);
      let isHeld = true;
      const held = askRegistry(sandbox, path, { method: 'HEAD' }).finally(() => {
        isHeld = false;
      });
      const givenUp = askRegistry(sandbox, path, { method: 'HEAD', signal: AbortSignal.timeout(50) });
      await assert.rejects(givenUp, { name: 'AbortError' });
      assert.equal((await askRegistry(sandbox, path)).code, 200);
      assert.equal((await askRegistry(sandbox, '/v2/', { method: 'HEAD' })).code, 200);
      assert.ok(isHeld);
      sandbox.faults.clear();
      assert.equal((await held).code, 200);
    });

    it('is out of reach on request', async () => {
      await sandbox.faults.inject({ fault: 'registryDown', forMs: 60_000 });
      await assert.rejects(askRegistry(sandbox, '/v2/'), { code: 'ECONNRESET' });
      sandbox.faults.clear();
      assert.equal((await askRegistry(sandbox, '/v2/')).code, 200);
    });

    it('redirects blobs to a store, or to nowhere, and nothing else', async () => {
      const { text } = await manifestOf(sandbox, { repository: newRepository, tag: `${ids[0]}-8` });
      const { digest, size } = JSON.parse(text).config;
      const path = `/v2/${newRepository}/blobs/${digest}`;
      await sandbox.faults.inject({ fault: 'redirectBlobs', to: 'store' });
      const { code, headers } = await askRegistry(sandbox, path);
      assert.equal(code, 307);
      const stored = await fetch(headers.location ?? '');
      assert.equal((await stored.arrayBuffer()).byteLength, size);
      await sandbox.faults.inject({ fault: 'redirectBlobs', to: 'nowhere' });
      const elsewhere = await askRegistry(sandbox, path, { method: 'HEAD' });
      await assert.rejects(fetch(elsewhere.headers.location ?? ''));
      assert.equal((await askRegistry(sandbox, '/v2/')).code, 200);
      sandbox.faults.clear();
      assert.equal((await askRegistry(sandbox, path)).code, 200);
    });
  });
});
