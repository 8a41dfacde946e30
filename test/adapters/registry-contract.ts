/** What the port `Registry` promises, tried on a real registry. Every adapter runs this same suite. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Digest, Repository, Tag } from '../../src/domain/names.ts';
import type { Registry } from '../../src/ports.ts';
import { OCI_IMAGE, OCI_INDEX, startRegistry, type TestRegistry } from '../support/registry.ts';
import { testReadingContract } from './reading-contract.ts';
import {
  afterRestart,
  type ContractOptions,
  failureOf,
  type RegistryFactory,
  tagsLeft,
  useRegistry,
} from './registry-target.ts';
import { testUntaggingContract } from './untagging-contract.ts';

const REPOSITORY = 'dominodatalab/environment' as Repository;
const UNKNOWN_DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest;
const tag = (text: string) => text as Tag;
/** For what a failing test must not wait for for ever. */
const inTime = () => AbortSignal.timeout(180_000);

export function testRegistryContract(
  title: string,
  factory: RegistryFactory,
  { untags = true, storage = {} }: ContractOptions = {},
): void {
  const use = (
    server: TestRegistry,
    test: (registry: Registry, control: AbortController) => Promise<void>,
    credentials = server.credentials,
  ) => useRegistry(factory, { host: server.host, credentials }, test);

  describe(`${title} keeps the promises of a registry`, () => {
    let server: TestRegistry;
    before(async () => {
      server = await startRegistry(storage);
    });
    after(() => server[Symbol.asyncDispose]());

    describe('check', () => {
      it('accepts the credentials', () => use(server, (registry) => registry.check(inTime())));

      it('refuses a wrong password, and says what to do', () =>
        use(
          server,
          async (registry) => {
            const failure = await failureOf(registry.check(inTime()), 'unauthorized');
            assert.match(failure.next, /SKOPEO_PASSWORD/);
            assert.doesNotMatch(failure.message + failure.stack, /wr0ng/);
            await failureOf(registry.listTags(REPOSITORY), 'unauthorized');
          },
          { username: 'domino-registry', password: 'wr0ng' },
        ));

      it('needs no credentials where the registry has none', async () => {
        await using open = await startRegistry({ ...storage, auth: false });
        await use(open, async (registry) => {
          await registry.check(inTime());
          assert.deepEqual(await registry.listTags(REPOSITORY), { state: 'missing' });
        });
      });
    });

    describe('listTags', () => {
      it('lists every tag', () =>
        use(server, async (registry) => {
          await server.putImage('list/some', ['b', 'a', '404']);
          const listing = await registry.listTags('list/some' as Repository);
          assert.equal(listing.state, 'listed');
          assert.deepEqual([...listing.tags].sort(), ['404', 'a', 'b']);
        }));

      it('tells a missing repository from an emptied one', () =>
        use(server, async (registry) => {
          const digest = await server.putImage('list/emptied', ['only']);
          await registry.deleteManifest('list/emptied' as Repository, digest);
          assert.deepEqual(
            await registry.listTags('list/emptied' as Repository),
            storage.storage === 'object-store' ? { state: 'missing' } : { state: 'listed', tags: [] },
          );
          assert.deepEqual(await registry.listTags('list/404' as Repository), { state: 'missing' });
        }));

      it('lists fifty thousand tags', () =>
        use(server, async (registry) => {
          const tags = Array.from({ length: 50_000 }, (_, number) => `62798b9bee0eb12322fc97e8-${number}`);
          server.plantTags('list/large', tags);
          const listing = await registry.listTags('list/large' as Repository);
          assert.equal(listing.state === 'listed' && listing.tags.length, tags.length);
        }));
    });

    describe('resolve', () => {
      it('finds an image by tag and by digest', () =>
        use(server, async (registry) => {
          const digest = await server.putImage('resolve/image', ['one']);
          const expected = { state: 'found', manifest: { digest, mediaType: OCI_IMAGE, children: [] } };
          assert.deepEqual(await registry.resolve('resolve/image' as Repository, tag('one')), expected);
          assert.deepEqual(await registry.resolve('resolve/image' as Repository, digest), expected);
        }));

      it('finds an index and what it lists', () =>
        use(server, async (registry) => {
          const repository = 'resolve/index' as Repository;
          const children = [
            await server.putImage(repository, ['a']),
            await server.putImage(repository, ['b']),
          ];
          const digest = await server.putIndex(repository, 'both', children);
          const expected = { state: 'found', manifest: { digest, mediaType: OCI_INDEX, children } };
          assert.deepEqual(await registry.resolve(repository, tag('both')), expected);
          assert.deepEqual(await registry.resolve(repository, digest), expected);
        }));

      it('is not confused by tags and repositories that look like HTTP statuses', () =>
        use(server, async (registry) => {
          for (const name of ['401', 't-404', '405']) {
            const repository = `resolve/${name}` as Repository;
            const digest = await server.putImage(repository, [name]);
            const found = await registry.resolve(repository, tag(name));
            assert.equal(found.state === 'found' && found.manifest.digest, digest);
            assert.deepEqual(await registry.resolve(repository, tag(`x-${name}`)), { state: 'gone' });
          }
        }));

      it('tells what is gone: a tag, a digest, a repository', () =>
        use(server, async (registry) => {
          await server.putImage('resolve/gone', ['one']);
          const gone = { state: 'gone' };
          assert.deepEqual(await registry.resolve('resolve/gone' as Repository, tag('two')), gone);
          assert.deepEqual(await registry.resolve('resolve/gone' as Repository, UNKNOWN_DIGEST), gone);
          assert.deepEqual(await registry.resolve('resolve/none' as Repository, tag('one')), gone);
        }));

      it('does not take a tag for gone whose manifest is lost', () =>
        use(server, async (registry) => {
          const digest = await server.putImage('resolve/lost', ['one']);
          await server.loseManifest('resolve/lost', digest);
          const resolution = await registry.resolve('resolve/lost' as Repository, tag('one'));
          assert.equal(resolution.state, 'dangling');
          assert.match(resolution.reason, /manifest unknown/);
        }));

      it('takes a tag away whose manifest is lost, and nothing else', () =>
        use(server, async (registry) => {
          const repository = 'resolve/dangling' as Repository;
          const kept = await server.putImage(repository, ['kept']);
          const lost = await server.putImage(repository, ['one', 'two']);
          await server.loseManifest(repository, lost);
          await registry.removeDanglingTag(repository, tag('one'));
          assert.deepEqual(await registry.resolve(repository, tag('one')), { state: 'gone' });
          assert.deepEqual(await tagsLeft(server, repository), ['kept', 'two']);
          await registry.removeDanglingTag(repository, tag('two'));
          assert.deepEqual(await tagsLeft(server, repository), ['kept']);
          assert.equal(await server.digest(repository, 'kept'), kept);
        }));

      it('takes a tag away of which a registry that was ended has removed some files', () =>
        use(server, async (registry) => {
          const repository = 'resolve/files' as Repository;
          const digest = await server.putImage(repository, ['half', 'kept']);
          await server.halfUntag(repository, 'half');
          assert.equal((await registry.resolve(repository, tag('half'))).state, 'dangling');
          assert.deepEqual(await tagsLeft(server, repository), ['half', 'kept']);
          await registry.removeDanglingTag(repository, tag('half'));
          assert.deepEqual(await tagsLeft(server, repository), ['kept']);
          assert.equal(await server.digest(repository, 'kept'), digest);
        }));

      it('recognises a tag that was left half taken away', () =>
        use(server, async (registry) => {
          const repository = 'resolve/half' as Repository;
          const lost = await server.putImage(repository, ['one']);
          await server.loseManifest(repository, lost);
          await server.stop();
          await server.start({ deletion: false });
          const remove = () => afterRestart(() => registry.removeDanglingTag(repository, tag('one')));
          await assert.rejects(remove(), { failure: 'unsupported' });
          assert.equal((await registry.resolve(repository, tag('one'))).state, 'dangling');
          await server.stop();
          await server.start();
          await remove();
          assert.deepEqual(await tagsLeft(server, repository), []);
        }));

      it('resolves hundreds of tags at once, of whatever kind, each rightly', () =>
        use(server, async (registry) => {
          const repository = 'resolve/many' as Repository;
          const expected = new Map<string, string>();
          for (let number = 0; number < 120; number++) {
            const twins = [`${number}`, `${number}-twin`];
            const digest = await server.putImage(repository, twins);
            for (const twin of twins) expected.set(twin, digest);
          }
          const child = expected.get('7') as Digest;
          expected.set('index', await server.putIndex(repository, 'index', [child]));
          for (let number = 0; number < 20; number++) expected.set(`gone-${number}`, 'gone');
          const found = await Promise.all(
            [...expected.keys()].map(async (name) => {
              const resolution = await registry.resolve(repository, tag(name));
              if (name === 'index')
                assert.deepEqual(resolution.state === 'found' && resolution.manifest.children, [child]);
              return [
                name,
                resolution.state === 'found' ? resolution.manifest.digest : resolution.state,
              ] as const;
            }),
          );
          assert.deepEqual(new Map(found), expected);
        }));
    });

    describe('resolve, with what was seen before', () => {
      it('finds the same again, and what has changed since', () =>
        use(server, async (registry) => {
          const repository = 'resolve/known' as Repository;
          const digest = await server.putImage(repository, ['one', 'two']);
          const known = { digest, mediaType: OCI_IMAGE, children: [] };
          const found = { state: 'found', manifest: known };
          assert.deepEqual(await registry.resolve(repository, tag('one'), known), found);
          const other = await server.putImage(repository, ['one'], 'something else');
          const moved = await registry.resolve(repository, tag('one'), known);
          assert.equal(moved.state === 'found' && moved.manifest.digest, other);
          const index = await server.putIndex(repository, 'two', [digest]);
          const listed = await registry.resolve(repository, tag('two'), known);
          assert.deepEqual(listed.state === 'found' && listed.manifest.children, [digest]);
          await registry.deleteManifest(repository, index);
          assert.deepEqual(await registry.resolve(repository, tag('two'), known), { state: 'gone' });
        }));
    });

    describe('inventory', () => {
      it('tells every repository, and the bytes of manifests, or nothing', async () => {
        await using many = await startRegistry(storage);
        await use(many, async ({ inventory }) => {
          assert.equal(inventory !== undefined, untags);
          if (inventory === undefined) return;
          assert.deepEqual(await inventory.listRepositories(), []);
          const names = Array.from({ length: 12 }, (_, n) => `inventory/some-${n}`);
          const digests = new Map<string, Digest>();
          for (const name of names) digests.set(name, await many.putImage(name, ['one'], name));
          assert.deepEqual([...(await inventory.listRepositories())].sort(), names.toSorted());
          const [name = ''] = names;
          const stored = await inventory.readManifest(name as Repository, digests.get(name) as Digest);
          assert.match(Buffer.from(stored?.bytes ?? '').toString(), /"content":"inventory/);
          assert.equal(await inventory.readManifest(name as Repository, UNKNOWN_DIGEST), undefined);
        });
      });
    });

    describe('deleteManifest', () => {
      it('deletes by digest, with every tag on it, and nothing else', () =>
        use(server, async (registry) => {
          const repository = 'delete/twins' as Repository;
          const digest = await server.putImage(repository, ['one', 'twin']);
          const kept = await server.putImage(repository, ['kept']);
          assert.equal(await registry.deleteManifest(repository, digest), 'deleted');
          assert.deepEqual(await tagsLeft(server, repository), ['kept']);
          assert.equal(await server.digest(repository, 'kept'), kept);
          assert.deepEqual(await registry.resolve(repository, tag('twin')), { state: 'gone' });
        }));

      it('says that it was gone already', () =>
        use(server, async (registry) => {
          const repository = 'delete/again' as Repository;
          const digest = await server.putImage(repository, ['one']);
          assert.equal(await registry.deleteManifest(repository, digest), 'deleted');
          assert.equal(await registry.deleteManifest(repository, digest), 'gone');
          assert.equal(await registry.deleteManifest('delete/none' as Repository, digest), 'gone');
        }));

      it('deletes an index without its images', () =>
        use(server, async (registry) => {
          const repository = 'delete/index' as Repository;
          const child = await server.putImage(repository, ['child']);
          const index = await server.putIndex(repository, 'index', [child]);
          assert.equal(await registry.deleteManifest(repository, index), 'deleted');
          assert.deepEqual(await tagsLeft(server, repository), ['child']);
        }));
    });

    describe('deletionState', () => {
      it('tells whether manifests can be deleted, if anything', async () => {
        await using changing = await startRegistry(storage);
        await use(changing, async (registry) => {
          assert.equal(await registry.deletionState(), untags ? 'enabled' : 'unknown');
          await changing.stop();
          await changing.start({ deletion: false });
          assert.equal(await afterRestart(() => registry.deletionState()), untags ? 'disabled' : 'unknown');
          assert.equal(await changing.tags('registry-cleaner/probe'), undefined);
        });
      });
    });

    describe('when the registry refuses or fails', () => {
      it('tells that deletion is disabled', async () => {
        await using frozen = await startRegistry({ ...storage, deletion: false });
        const digest = await frozen.putImage(REPOSITORY, ['405']);
        await use(frozen, async (registry) => {
          await failureOf(registry.deleteManifest(REPOSITORY, digest), 'unsupported');
          assert.equal(await registry.deleteManifest(REPOSITORY, UNKNOWN_DIGEST), 'gone');
        });
        assert.deepEqual(await frozen.tags(REPOSITORY), ['405']);
      });

      it('tells that it cannot be reached, and works again when it can', async () => {
        await using restarting = await startRegistry(storage);
        const digest = await restarting.putImage(REPOSITORY, ['one', 'two']);
        await use(restarting, async (registry) => {
          await registry.check(inTime());
          await restarting.stop();
          await failureOf(registry.check(inTime()), 'temporary');
          await failureOf(registry.listTags(REPOSITORY), 'temporary');
          await failureOf(registry.resolve(REPOSITORY, digest), 'temporary');
          await failureOf(registry.deleteManifest(REPOSITORY, digest), 'temporary');
          const looks = ['one', 'two', 'three'].map((name) => registry.resolve(REPOSITORY, tag(name)));
          await Promise.all(looks.map((look) => failureOf(look, 'temporary')));
          await restarting.start();
          const found = await afterRestart(() => registry.resolve(REPOSITORY, tag('one')));
          assert.equal(found.state === 'found' && found.manifest.digest, digest);
          assert.equal(await afterRestart(() => registry.deleteManifest(REPOSITORY, digest)), 'deleted');
        });
      });
    });

    describe('when the work is aborted', () => {
      it('rejects what is under way with the reason, and can still be brought to rest and checked', () =>
        use(server, async (registry, control) => {
          await server.putImage('abort/some', ['one']);
          const repository = 'abort/some' as Repository;
          await registry.resolve(repository, tag('one'));
          const pending = Array.from({ length: 50 }, () => registry.resolve(repository, tag('one')));
          const reason = new Error('interrupted');
          control.abort(reason);
          for (const call of pending) await assert.rejects(call, reason);
          await assert.rejects(registry.listTags(repository), reason);
          await registry.quiesce(inTime());
          await registry.check(inTime());
        }));

      it('ends quiesce and check, when it is theirs', () =>
        use(server, async (registry) => {
          const reason = new Error('no more time');
          await assert.rejects(registry.check(AbortSignal.abort(reason)), reason);
          await assert.rejects(registry.quiesce(AbortSignal.abort(reason)), reason);
        }));
    });
  });

  testReadingContract(title, factory, { storage });
  testUntaggingContract(title, factory, { untags, storage });
}
