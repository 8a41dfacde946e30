/**
 * What the port `Untagging` promises, tried on a real registry of version 2, and with what version 3 does differently
 * in front of it. Adapters that cannot untag run the part that says how they see what others have untied.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Digest, Repository, Tag } from '../../src/domain/names.ts';
import {
  type Ledger,
  ledgerManifest,
  lostTagManifest,
  markerTag,
  throwAwayManifest,
} from '../../src/domain/untagging.ts';
import type { Registry, Untagging } from '../../src/ports.ts';
import { startDistribution3 } from '../support/distribution3.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import {
  afterRestart,
  type ContractOptions,
  failureOf,
  type RegistryFactory,
  tagsLeft,
  useRegistry,
} from './registry-target.ts';

const RUN = '20240102T030405Z-abcdef';
const UNKNOWN_DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest;
const tag = (text: string) => text as Tag;

function ledgerOf(tags: Readonly<Record<string, Digest>>, number = 1): Ledger {
  const entries = Object.entries(tags).map(([name, digest]) => [tag(name), digest] as const);
  const marker = markerTag(RUN, number);
  return { marker, run: RUN, by: 'ann@laptop', since: '2024-01-02T03:04:05.000Z', tags: new Map(entries) };
}

/** A server as an adapter sees it: itself, or what stands in front of it. */
interface Server {
  readonly registry: TestRegistry;
  readonly host: string;
}

export function testUntaggingContract(
  title: string,
  factory: RegistryFactory,
  { untags, storage }: Required<ContractOptions>,
): void {
  describe(`${title} sees what was untied`, () => {
    let server: TestRegistry;
    before(async () => {
      server = await startRegistry(storage);
    });
    after(() => server[Symbol.asyncDispose]());

    it('by its throw-away manifest, whoever has put it there', () =>
      useRegistry(factory, server, async (registry) => {
        const { marker } = ledgerOf({});
        const { text, mediaType } = throwAwayManifest({ marker, run: RUN });
        await server.putManifest('untied/tag', '7', text, mediaType);
        const resolution = await registry.resolve('untied/tag' as Repository, tag('7'));
        assert.equal(registry.untagging !== undefined, untags);
        if (untags) assert.deepEqual(resolution, { state: 'untied', marker });
        else {
          assert.equal(resolution.state, 'unreadable');
          assert.match(resolution.reason, new RegExp(marker));
        }
      }));

    it('takes the throw-away manifest of a lost tag for a dangling tag', () =>
      useRegistry(factory, server, async (registry) => {
        const { text, mediaType } = lostTagManifest(tag('7'));
        await server.putManifest('untied/lost', '7', text, mediaType);
        const repository = 'untied/lost' as Repository;
        assert.equal((await registry.resolve(repository, tag('7'))).state, 'dangling');
        await registry.removeDanglingTag(repository, tag('7'));
        assert.deepEqual(await tagsLeft(server, repository), []);
      }));
  });

  if (!untags) return;
  testUntagging(`${title} unties tags of version 2`, factory, {
    seenUntilSweep: (marker) => ({ state: 'untied', marker }),
    start: async () => {
      const registry = await startRegistry(storage);
      return { registry, host: registry.host, stop: async () => await registry[Symbol.asyncDispose]() };
    },
  });
  testUntagging(`${title} unties tags of version 3`, factory, {
    seenUntilSweep: () => ({ state: 'gone' }),
    start: async () => {
      const registry = await startRegistry(storage);
      const front = await startDistribution3(registry);
      const stop = async () => {
        await front[Symbol.asyncDispose]();
        await registry[Symbol.asyncDispose]();
      };
      return { registry, host: front.host, stop };
    },
  });
}

function testUntagging(
  title: string,
  factory: RegistryFactory,
  version: {
    /** What a tag resolves to after it was untied and before the sweep. */
    readonly seenUntilSweep: (marker: Tag) => object;
    readonly start: () => Promise<Server & { stop(): Promise<void> }>;
  },
): void {
  describe(title, () => {
    let server: Awaited<ReturnType<typeof version.start>>;
    before(async () => {
      server = await version.start();
    });
    after(() => server.stop());

    const use = (test: (untagging: Untagging, registry: Registry) => Promise<void>) =>
      useRegistry(
        factory,
        { host: server.host, credentials: server.registry.credentials },
        async (registry) => {
          assert.ok(registry.untagging);
          await test(registry.untagging, registry);
        },
      );

    it('without touching their manifests or any other tag', () =>
      use(async (untagging, registry) => {
        const repository = 'untie/twins' as Repository;
        const shared = await server.registry.putImage(repository, ['doomed', 'kept-twin', 'kept']);
        const lone = await server.registry.putImage(repository, ['lone']);
        const ledger = ledgerOf({ doomed: shared, lone });
        await untagging.writeLedger(repository, ledger);
        for (const name of ledger.tags.keys()) await untagging.untie(repository, name, ledger);
        assert.deepEqual(
          await registry.resolve(repository, tag('doomed')),
          version.seenUntilSweep(ledger.marker),
        );
        await untagging.sweep(repository, ledger);
        assert.deepEqual(
          await tagsLeft(server.registry, repository),
          ['kept', 'kept-twin', ledger.marker].sort(),
        );
        assert.equal(await server.registry.digest(repository, 'kept'), shared);
        assert.equal(await server.registry.digest(repository, lone), lone);
        assert.equal(await registry.deleteManifest(repository, lone), 'deleted');
        await untagging.removeLedger(repository, ledger);
        assert.deepEqual(await tagsLeft(server.registry, repository), ['kept', 'kept-twin']);
      }));

    it('twice without harm', () =>
      use(async (untagging) => {
        const repository = 'untie/twice' as Repository;
        const digest = await server.registry.putImage(repository, ['one', 'kept']);
        const ledger = ledgerOf({ one: digest });
        for (let round = 0; round < 2; round++) {
          await untagging.writeLedger(repository, ledger);
          await untagging.untie(repository, tag('one'), ledger);
        }
        for (let round = 0; round < 2; round++) {
          await untagging.sweep(repository, ledger);
          await untagging.removeLedger(repository, ledger);
        }
        assert.deepEqual(await tagsLeft(server.registry, repository), ['kept']);
      }));

    it('of one ledger only', () =>
      use(async (untagging) => {
        const repository = 'untie/two' as Repository;
        const digest = await server.registry.putImage(repository, ['a', 'b']);
        const first = ledgerOf({ a: digest }, 1);
        const second = ledgerOf({ b: digest }, 2);
        await untagging.untie(repository, tag('a'), first);
        await untagging.untie(repository, tag('b'), second);
        await untagging.sweep(repository, first);
        const tags = await tagsLeft(server.registry, repository);
        assert.ok(!tags.includes('a'));
        await untagging.sweep(repository, second);
        assert.deepEqual(await tagsLeft(server.registry, repository), []);
      }));

    it('and sweeps away what was untied while the registry was of version 2', () =>
      use(async (untagging) => {
        const repository = 'untie/upgraded' as Repository;
        await server.registry.putImage(repository, ['kept']);
        const ledger = ledgerOf({ old: UNKNOWN_DIGEST });
        const { text, mediaType } = throwAwayManifest(ledger);
        await server.registry.putManifest(repository, 'old', text, mediaType);
        await untagging.sweep(repository, ledger);
        assert.deepEqual(await tagsLeft(server.registry, repository), ['kept']);
      }));

    it('and goes on where a registry was ended in the middle of a sweep', () =>
      use(async (untagging, registry) => {
        const repository = 'untie/ended' as Repository;
        const digest = await server.registry.putImage(repository, ['a', 'b', 'c', 'kept']);
        const ledger = ledgerOf({ a: digest, b: digest, c: digest });
        for (const name of ledger.tags.keys()) await untagging.untie(repository, name, ledger);
        const throwAway = await server.registry.digest(repository, 'a');
        if (throwAway !== undefined) {
          await server.registry.loseManifest(repository, throwAway);
          assert.equal((await registry.resolve(repository, tag('a'))).state, 'dangling');
        }
        await untagging.sweep(repository, ledger);
        assert.deepEqual(await tagsLeft(server.registry, repository), ['kept']);
        assert.equal(await server.registry.digest(repository, throwAway ?? UNKNOWN_DIGEST), undefined);
      }));

    for (const what of ['a tag', 'the throw-away manifest'] as const)
      it(`and mends ${what} where a registry was ended in the middle of writing it`, () =>
        use(async (untagging, registry) => {
          const repository = `untie/half-written-${what.length}` as Repository;
          const digest = await server.registry.putImage(repository, ['a', 'b', 'kept']);
          const ledger = ledgerOf({ a: digest, b: digest });
          for (const name of ledger.tags.keys()) await untagging.untie(repository, name, ledger);
          const throwAway = await server.registry.digest(repository, 'a');
          // Where tags are deleted, nothing is written.
          if (throwAway === undefined) return;
          if (what === 'a tag') server.registry.emptyTag(repository, 'a');
          else server.registry.emptyRevision(repository, throwAway);
          await assert.rejects(registry.resolve(repository, tag('a')), {
            failure: 'temporary',
            internal: true,
          });
          if (what === 'a tag') {
            await assert.rejects(untagging.sweep(repository, ledger), { internal: true });
            await untagging.untie(repository, tag('a'), ledger);
          }
          await untagging.sweep(repository, ledger);
          assert.deepEqual(await tagsLeft(server.registry, repository), ['kept']);
          assert.equal(await server.registry.digest(repository, 'kept'), digest);
        }));

    it('and removes a ledger that a registry was ended in the middle of writing', () =>
      use(async (untagging, registry) => {
        const repository = 'untie/half-written-ledger' as Repository;
        const digest = await server.registry.putImage(repository, ['kept']);
        const ledger = ledgerOf({ kept: digest });
        await untagging.writeLedger(repository, ledger);
        server.registry.emptyTag(repository, ledger.marker);
        await assert.rejects(untagging.readLedger(repository, ledger.marker), { internal: true });
        await registry.removeDanglingTag(repository, ledger.marker);
        assert.deepEqual(await tagsLeft(server.registry, repository), ['kept']);
      }));

    it('and keeps a ledger of it', () =>
      use(async (untagging) => {
        const repository = 'untie/ledger' as Repository;
        const digest = await server.registry.putImage(repository, ['one']);
        const ledger = ledgerOf({ one: digest, two: UNKNOWN_DIGEST });
        assert.equal(await untagging.readLedger(repository, ledger.marker), undefined);
        await untagging.writeLedger(repository, ledger);
        assert.deepEqual(await untagging.readLedger(repository, ledger.marker), ledger);
        assert.equal(await untagging.readLedger(repository, tag('one')), undefined);
        assert.equal(await untagging.readLedger('untie/none' as Repository, ledger.marker), undefined);
      }));

    it('and removes nothing from under the marker but a ledger', () =>
      use(async (untagging) => {
        const repository = 'untie/foreign' as Repository;
        const ledger = ledgerOf({ one: UNKNOWN_DIGEST });
        const digest = await server.registry.putImage(repository, [ledger.marker]);
        await failureOf(untagging.removeLedger(repository, ledger), 'other');
        assert.equal(await server.registry.digest(repository, ledger.marker), digest);
        await untagging.removeLedger('untie/none' as Repository, ledger);
      }));

    it('and removes a ledger that was worded in another way', () =>
      use(async (untagging) => {
        const repository = 'untie/worded' as Repository;
        const ledger = ledgerOf({ one: UNKNOWN_DIGEST });
        const { text, mediaType } = ledgerManifest(ledger);
        await server.registry.putManifest(repository, ledger.marker, `${text}\n`, mediaType);
        await untagging.removeLedger(repository, ledger);
        assert.deepEqual(await tagsLeft(server.registry, repository), []);
      }));

    it('and ties them again', () =>
      use(async (untagging) => {
        const repository = 'untie/back' as Repository;
        const image = await server.registry.putImage(repository, ['image']);
        const index = await server.registry.putIndex(repository, 'index', [image]);
        const ledger = ledgerOf({ image, index });
        for (const name of ledger.tags.keys()) await untagging.untie(repository, name, ledger);
        for (const [name, digest] of ledger.tags)
          assert.equal(await untagging.retie(repository, name, digest), 'tied');
        await untagging.sweep(repository, ledger);
        assert.equal(await server.registry.digest(repository, 'image'), image);
        assert.equal(await server.registry.digest(repository, 'index'), index);
        assert.equal(await untagging.retie(repository, tag('lost'), UNKNOWN_DIGEST), 'gone');
        assert.deepEqual(await tagsLeft(server.registry, repository), ['image', 'index']);
      }));

    it('only while deletion is enabled', () =>
      use(async (untagging) => {
        const repository = 'untie/disabled' as Repository;
        const digest = await server.registry.putImage(repository, ['one']);
        await server.registry.stop();
        await server.registry.start({ deletion: false });
        try {
          const ledger = ledgerOf({ one: digest });
          const untie = () => afterRestart(() => untagging.untie(repository, tag('one'), ledger));
          await afterRestart(() => untagging.writeLedger(repository, ledger));
          await failureOf(untie(), 'unsupported');
          assert.equal(await server.registry.digest(repository, 'one'), digest);
          await server.registry.stop();
          await server.registry.start();
          await untie();
          await untagging.sweep(repository, ledger);
          assert.deepEqual(await tagsLeft(server.registry, repository), [ledger.marker]);
        } finally {
          await server.registry.stop();
          await server.registry.start();
        }
      }));
  });
}
