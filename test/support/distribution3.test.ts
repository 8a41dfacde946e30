import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDistribution3 } from './distribution3.ts';
import { OCI_IMAGE, startRegistry, type TestRegistry } from './registry.ts';

type Options = Parameters<typeof startDistribution3>[1];

/** The code of an error as registries send it. */
async function codeOf(response: Response): Promise<unknown> {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return errors[0]?.code;
}

describe('an imitation of Distribution 3', () => {
  let registry: TestRegistry;
  before(async () => {
    registry = await startRegistry({ auth: false });
  });
  after(() => registry[Symbol.asyncDispose]());

  /** Runs a test with something that asks the imitation. */
  async function use(
    test: (ask: (path: string, init?: RequestInit) => Promise<Response>) => Promise<void>,
    options: Options = {},
  ): Promise<void> {
    await using server = await startDistribution3(registry, options);
    await test((path, init) => fetch(`http://${server.host}/v2/${path}`, init));
  }

  describe('lists tags', () => {
    const tags = Array.from({ length: 2500 }, (_, number) => `t${String(number).padStart(4, '0')}`);
    before(() => registry.plantTags('pages', tags));

    it('in pages of at most a thousand, in lexical order, which lead from one to the next', () =>
      use(async (ask) => {
        const seen: string[] = [];
        const pages: (string | null)[] = [];
        let next: string | undefined = 'pages/tags/list?n=5000';
        while (next !== undefined) {
          const response = await ask(next);
          const { name, tags } = (await response.json()) as { name: string; tags: string[] };
          assert.equal(name, 'pages');
          seen.push(...tags);
          pages.push(response.headers.get('link'));
          next = /^<\/v2\/(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
        }
        assert.deepEqual(seen, tags);
        assert.deepEqual(pages, [
          '</v2/pages/tags/list?last=t0999&n=1000>; rel="next"',
          '</v2/pages/tags/list?last=t1999&n=1000>; rel="next"',
          null,
        ]);
      }));

    it('all at once to whoever names no number', () =>
      use(async (ask) => {
        const response = await ask('pages/tags/list');
        assert.equal(response.headers.get('link'), null);
        assert.equal(((await response.json()) as { tags: string[] }).tags.length, tags.length);
      }));

    it('behind one that is gone, and announces a page after every full one', () =>
      use(async (ask) => {
        const full = await ask('pages/tags/list?n=2&last=t2497-gone');
        assert.deepEqual(await full.json(), { name: 'pages', tags: ['t2498', 't2499'] });
        assert.match(full.headers.get('link') ?? '', /last=t2499&n=2/);
        const empty = await ask('pages/tags/list?n=2&last=t2499');
        assert.deepEqual(await empty.json(), { name: 'pages', tags: null });
        assert.equal(empty.headers.get('link'), null);
      }));

    it('but none to whoever wants none, even of what it does not know', () =>
      use(async (ask) => {
        const response = await ask('nothing/here/tags/list?n=0');
        assert.deepEqual([response.status, await response.json()], [200, { name: 'nothing/here', tags: [] }]);
        assert.equal((await ask('nothing/here/tags/list?n=1')).status, 404);
      }));

    it('not in pages of an impossible number', () =>
      use(async (ask) => {
        for (const number of ['-1', 'many', '1.5']) {
          const response = await ask(`pages/tags/list?n=${number}`);
          assert.equal(response.status, 400);
          assert.equal(await codeOf(response), 'PAGINATION_NUMBER_INVALID');
        }
      }));

    it('not in larger pages than it may have, in version 3.1.0', () =>
      use(
        async (ask) => {
          const response = await ask('pages/tags/list?n=1001');
          assert.equal(response.status, 400);
          assert.equal(await codeOf(response), 'PAGINATION_NUMBER_INVALID');
          assert.equal((await ask('pages/tags/list?n=1000')).status, 200);
        },
        { version: '3.1.0' },
      ));
  });

  describe('deletes a tag', () => {
    const remove = { method: 'DELETE' };

    it('and leaves its manifest and the other tags on it', () =>
      use(async (ask) => {
        const digest = await registry.putImage('untie', ['doomed', 'twin']);
        assert.equal((await ask('untie/manifests/doomed', remove)).status, 202);
        assert.deepEqual(await registry.tags('untie'), ['twin']);
        assert.equal(await registry.digest('untie', 'twin'), digest);
        assert.equal((await ask('untie/manifests/twin', remove)).status, 202);
        assert.equal(await registry.digest('untie', digest), digest);
        assert.deepEqual(await (await ask('untie/tags/list?n=10')).json(), { name: 'untie', tags: null });
      }));

    it('and says so when there is none, be it for want of the repository', () =>
      use(async (ask) => {
        await registry.putImage('untie', ['there']);
        for (const name of ['untie', 'nowhere']) {
          const response = await ask(`${name}/manifests/unknown`, remove);
          assert.equal(response.status, 404);
          assert.equal(await codeOf(response), 'MANIFEST_UNKNOWN');
        }
      }));

    it('only where deletion is enabled, but in version 3.1.0 everywhere', async () => {
      await using frozen = await startRegistry({ auth: false, deletion: false });
      await frozen.putImage('frozen', ['one']);
      const deleteWith = async (options: Options, reference: string) => {
        await using server = await startDistribution3(frozen, options);
        return await fetch(`http://${server.host}/v2/frozen/manifests/${reference}`, remove);
      };
      for (const tag of ['one', 'unknown']) {
        const response = await deleteWith({}, tag);
        assert.deepEqual([response.status, await codeOf(response)], [405, 'UNSUPPORTED']);
      }
      assert.equal((await deleteWith({ version: '3.1.0' }, 'unknown')).status, 404);
      assert.equal((await deleteWith({ version: '3.1.0' }, 'one')).status, 202);
      assert.deepEqual(await frozen.tags('frozen'), []);
    });

    it('only for whom the registry knows', async () => {
      await using closed = await startRegistry();
      await closed.putImage('closed', ['one']);
      await using server = await startDistribution3(closed);
      const url = `http://${server.host}/v2/closed`;
      assert.equal((await fetch(`${url}/manifests/one`, remove)).status, 401);
      assert.equal((await fetch(`${url}/tags/list?n=-1`)).status, 401);
      assert.deepEqual(await closed.tags('closed'), ['one']);
    });
  });

  it('passes everything else on', () =>
    use(async (ask) => {
      const digest = await registry.putImage('other', ['one']);
      const headers = { accept: OCI_IMAGE };
      const response = await ask('other/manifests/one', { headers });
      assert.equal(response.headers.get('docker-content-digest'), digest);
      const body = await response.text();
      const put = { method: 'PUT', body, headers: { 'content-type': OCI_IMAGE } };
      assert.equal((await ask('other/manifests/two', put)).status, 201);
      assert.equal((await ask('other/manifests/two', { method: 'HEAD', headers })).status, 200);
      assert.equal((await ask(`other/manifests/${digest}`, { method: 'DELETE' })).status, 202);
      assert.deepEqual(await registry.tags('other'), []);
    }));

  it('goes on with a registry that was restarted', () =>
    use(async (ask) => {
      await registry.putImage('again', ['one']);
      assert.equal((await ask('again/tags/list')).status, 200);
      await registry.stop();
      await assert.rejects(ask('again/tags/list'), TypeError);
      await registry.start();
      assert.equal((await ask('again/tags/list')).status, 200);
    }));
});
