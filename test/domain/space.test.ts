/** What would be freed, held against a garbage collector that marks and sweeps as Docker Distribution's does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ManifestContent, readManifestContent } from '../../src/domain/manifest-content.ts';
import { type Digest, parseRepository, type Repository, type Tag } from '../../src/domain/names.ts';
import {
  doomedTags,
  legacyRef,
  NEW_REPOSITORY_REF,
  planRepository,
  type RepositoryPlan,
} from '../../src/domain/plan.ts';
import { fallingDigests } from '../../src/domain/referrers.ts';
import { type FoundRepository, refOf, survey } from '../../src/domain/scan.ts';
import { Space } from '../../src/domain/space.ts';
import { TagGraph } from '../../src/domain/tag-graph.ts';
import { A, B, digest, tag } from './builders.ts';
import { check } from './property.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const OTHER = parseRepository('somebody/else') as Repository;
const blobs = Array.from({ length: 8 }, (_, n) => ({ digest: digest(`blob ${n}`), size: 2 ** n }));

/** A registry, whole. */
interface Stock {
  readonly contents: ReadonlyMap<Digest, ManifestContent>;
  readonly repositories: ReadonlyMap<Repository, ReadonlyMap<Tag, Digest | undefined>>;
}

/** Indexes list what has a lower number: hashing makes circles impossible. */
const anyContents: fc.Arbitrary<ReadonlyMap<Digest, ManifestContent>> = fc
  .tuple(
    ...Array.from({ length: 9 }, (_, n) =>
      fc.record({
        blobs: fc.subarray(blobs, { maxLength: 4 }),
        children: fc.subarray(
          Array.from({ length: n }, (_, lower) => digest(`d${lower}`)),
          { maxLength: Math.min(3, n) },
        ),
        isIndex: fc.integer({ min: 0, max: 2 }).map((dice) => dice === 0),
      }),
    ),
  )
  .map(
    (made) =>
      new Map(
        made.map(({ isIndex, ...parts }, n): [Digest, ManifestContent] => {
          const own = { digest: digest(`d${n}`), size: 1000 * 2 ** n };
          return [
            own.digest,
            isIndex
              ? { ...own, mediaType: INDEX, blobs: [], children: parts.children }
              : { ...own, mediaType: IMAGE, blobs: parts.blobs, children: [] },
          ];
        }),
      ),
  );

function anyTags(names: readonly string[]): fc.Arbitrary<ReadonlyMap<Tag, Digest | undefined>> {
  const referrers = [0, 1, 2].map((n) => `${digest(`d${n}`).replace(':', '-')}.sig`);
  const anyDigest = fc.option(
    fc.nat({ max: 8 }).map((n) => digest(`d${n}`)),
    { nil: undefined, freq: 9 },
  );
  return fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names, ...referrers), anyDigest), {
      selector: ([name]) => name,
      maxLength: 10,
    })
    .map((pairs) => new Map(pairs.map(([name, image]) => [tag(name), image])));
}

const numbers = ['1', '2', '3', '4', '11'];
const anyStock: fc.Arbitrary<Stock> = fc
  .record({
    contents: anyContents,
    fresh: anyTags([...[A, B].flatMap((id) => numbers.map((number) => `${id}-${number}`)), 'buildcache']),
    legacy: anyTags([...numbers, 'buildcache']),
    other: anyTags(['latest', '1']),
  })
  .map(({ contents, fresh, legacy, other }) => ({
    contents,
    repositories: new Map([
      [NEW_REPOSITORY_REF.repository, fresh],
      [legacyRef(A).repository, legacy],
      [OTHER, other],
    ]),
  }));

/** The manifests that a repository has: what its tags stand for and what that lists. */
function manifestsOf({ contents }: Stock, tags: ReadonlyMap<Tag, Digest | undefined>): ReadonlySet<Digest> {
  const found = new Set([...tags.values()].filter((each) => each !== undefined));
  for (const each of found) for (const child of contents.get(each)?.children ?? []) found.add(child);
  return found;
}

/** What the collector marks, given what is gone of each repository. */
function marked(stock: Stock, gone: ReadonlyMap<Repository, ReadonlySet<Digest>>): ReadonlySet<Digest> {
  const marks = new Set<Digest>();
  for (const [repository, tags] of stock.repositories)
    for (const manifest of manifestsOf(stock, tags)) {
      if (gone.get(repository)?.has(manifest)) continue;
      const { blobs = [], children = [] } = stock.contents.get(manifest) ?? {};
      for (const each of [manifest, ...blobs.map((blob) => blob.digest), ...children]) marks.add(each);
    }
  return marks;
}

function sizesOf({ contents }: Stock): ReadonlyMap<Digest, number> {
  return new Map([...blobs, ...contents.values()].map(({ digest, size }) => [digest, size]));
}

/** In bytes: what the collector removes of a registry that was collected before. */
function collected(stock: Stock, gone: ReadonlyMap<Repository, ReadonlySet<Digest>>): number {
  const after = marked(stock, gone);
  const sizes = sizesOf(stock);
  return [...marked(stock, new Map())]
    .filter((each) => !after.has(each))
    .reduce((sum, each) => sum + (sizes.get(each) ?? 0), 0);
}

/** What the program itself would delete, keeping the newest so many of these environments. */
function plansOf(stock: Stock, environments: readonly (typeof A)[], keepLast: number): RepositoryPlan[] {
  const indexes = Object.fromEntries([...stock.contents].map(([index, { children }]) => [index, children]));
  const refs = [...stock.repositories.keys()].flatMap((repository) => refOf(repository) ?? []);
  const file = environments.map((id) => {
    const found = refs.flatMap((ref) =>
      planRepository(
        { ref, tags: stock.repositories.get(ref.repository) ?? new Map(), indexes },
        [],
      ).tags.flatMap(({ names, digest }) => (names?.environment === id && digest ? names.revision : [])),
    );
    const retain = [...new Set(found)].sort((a, b) => b - a).slice(0, keepLast);
    return { id, retain, line: 1 };
  });
  return refs.map((ref) =>
    planRepository({ ref, tags: stock.repositories.get(ref.repository) ?? new Map(), indexes }, file, {
      unties: true,
    }),
  );
}

function goneWith(plans: readonly RepositoryPlan[]): ReadonlyMap<Repository, ReadonlySet<Digest>> {
  return new Map(plans.map(({ ref, tags, indexes }) => [ref.repository, fallingDigests(tags, indexes)]));
}

function spaceOf(stock: Stock): { space: Space; found: readonly FoundRepository[] } {
  const space = new Space();
  for (const [repository, tags] of stock.repositories)
    for (const manifest of manifestsOf(stock, tags)) {
      const content = stock.contents.get(manifest);
      if (content) for (let times = 0; times < 2; times += 1) space.add(repository, content);
    }
  const found = [...stock.repositories].map(([repository, tags]) => ({
    repository,
    tags: new Map([...tags].flatMap(([name, image]) => (image ? [[name, image] as const] : []))),
    graph: new TagGraph(tags, (each) => space.childrenOf(each)),
  }));
  return { space, found };
}

describe('what is freed', () => {
  it('is what a collector removes after the deletions that the program would plan, for each environment', () => {
    check([anyStock, fc.nat({ max: 3 })], (stock, keepLast) => {
      const { space, found } = spaceOf(stock);
      const { environments, gainBytes, bytes } = survey(found, { space, keepLast });
      const freed = (which: readonly (typeof A)[], keep: number) =>
        collected(stock, goneWith(plansOf(stock, which, keep)));
      for (const row of environments) {
        assert.equal(row.gainBytes, freed([row.environment], keepLast), 'gain');
        assert.equal(row.ownBytes, freed([row.environment], 0), 'own');
      }
      const everybody = environments.map(({ environment }) => environment);
      assert.equal(gainBytes, freed(everybody, keepLast), 'together');
      const all = new Map([...stock.repositories].map(([name, tags]) => [name, manifestsOf(stock, tags)]));
      assert.equal(bytes, collected(stock, all), 'all');
      const gains = environments.map((row) => row.gainBytes);
      assert.deepEqual(
        gains,
        gains.toSorted((a, b) => b - a),
        'sorted',
      );
    });
  });

  it('is what a collector removes after a plan, whatever the plan follows and protects', () => {
    check([anyStock, fc.subarray([A, B]), fc.nat({ max: 3 })], (stock, which, keepLast) => {
      const { space, found } = spaceOf(stock);
      const plans = plansOf(stock, which, keepLast);
      const going = plans.flatMap((plan) => {
        const { graph } = found.find(({ repository }) => repository === plan.ref.repository) ?? assert.fail();
        const falling = graph.fallingWith(doomedTags(plan), { follow: false });
        assert.deepEqual(new Set(falling), new Set(fallingDigests(plan.tags, plan.indexes)));
        return [...falling].map((each) => ({ repository: plan.ref.repository, digest: each }));
      });
      assert.equal(space.freedBy(going), collected(stock, goneWith(plans)));
    });
  });

  it('counts a layer once, and only where nobody else needs it', () => {
    const image = (name: string, ...layers: number[]): ManifestContent => ({
      ...{ digest: digest(name), mediaType: IMAGE, size: 7, children: [] },
      blobs: layers.map((n) => blobs[n] ?? assert.fail()),
    });
    const space = new Space();
    const [one, two] = [image('one', 0, 1), image('two', 1, 2)];
    const here = NEW_REPOSITORY_REF.repository;
    space.add(here, one);
    space.add(here, two);
    const at = (repository: Repository, ...names: string[]) =>
      names.map((name) => ({ repository, digest: digest(name) }));
    assert.equal(space.freedBy(at(here, 'one')), 7 + 1);
    assert.equal(space.freedBy(at(here, 'one', 'two', 'one')), 7 + 7 + 1 + 2 + 4);
    // The same image in another repository keeps all of it.
    space.add(OTHER, one);
    assert.equal(space.freedBy(at(here, 'one')), 0);
    assert.equal(space.freedBy([...at(here, 'one'), ...at(OTHER, 'one')]), 7 + 1);
    assert.equal(space.bytesOf(at(here, 'one', 'unknown')), 7 + 1 + 2);
    assert.equal(space.manifests, 3);
  });
});

describe('what a manifest takes', () => {
  const own = digest('manifest');
  const read = (document: object) => {
    const text = JSON.stringify(document);
    return readManifestContent({ digest: own, text, size: text.length });
  };
  const config = { digest: digest('config'), size: 5 };
  const layer = { digest: digest('layer'), size: 100 };

  it('is its own size, its config and its layers', () => {
    const content = read({ schemaVersion: 2, mediaType: IMAGE, config, layers: [layer, layer] });
    assert.deepEqual(content?.blobs, [config, layer, layer]);
    assert.equal(
      content?.size,
      JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config, layers: [layer, layer] }).length,
    );
    const space = new Space();
    space.add(OTHER, content ?? assert.fail());
    assert.equal(space.bytes, (content?.size ?? 0) + 105);
  });

  it('is not what stands elsewhere, which it keeps all the same', () => {
    const foreign = { ...layer, urls: ['https://example.com/layer'] };
    const content = read({ schemaVersion: 2, mediaType: IMAGE, config, layers: [foreign] });
    assert.deepEqual(content?.blobs, [config, { digest: layer.digest, size: 0 }]);
  });

  it('is for an index what it is itself, and what it lists counts for itself', () => {
    const content = read({ schemaVersion: 2, mediaType: INDEX, manifests: [{ ...layer, mediaType: IMAGE }] });
    assert.deepEqual([content?.blobs, content?.children], [[], [layer.digest]]);
  });

  for (const [what, layers] of [
    ['a layer without a size', [{ digest: layer.digest }]],
    ['a size below nothing', [{ ...layer, size: -1 }]],
    ['half a byte', [{ ...layer, size: 0.5 }]],
    ['a size in words', [{ ...layer, size: '100' }]],
    ['no digest', [{ size: 1 }]],
    ['nothing for a layer', [null]],
    ['no list of layers', {}],
  ] as const)
    it(`cannot be told from ${what}`, () =>
      assert.equal(read({ schemaVersion: 2, mediaType: IMAGE, config, layers }), undefined));

  it("cannot be told of Docker's schema 1", () =>
    assert.equal(read({ schemaVersion: 1, fsLayers: [] }), undefined));
});
