import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inUseOf, usedImages } from '../../src/domain/in-use.ts';
import type { Tag } from '../../src/domain/names.ts';
import {
  deletionsOf,
  legacyRef,
  NEW_REPOSITORY_REF,
  planRepository,
  type RepositoryContent,
  type RepositoryPlan,
} from '../../src/domain/plan.ts';
import { protect, protectionRules } from '../../src/domain/protection.ts';
import { A, B, C, contentOf, digest, entry, fatesOf, indexesOf, tag } from './builders.ts';
import { closure, execute } from './registry-model.ts';

const FILE = [entry(A, 9), entry(B)];

interface Scene {
  readonly content: RepositoryContent;
  /** Images that something runs. */
  readonly runs?: readonly string[];
}

function planOf({ content, runs = [] }: Scene, rules = protectionRules): RepositoryPlan {
  const used = usedImages(runs.map((image) => ({ image, by: 'Pod n/p' })));
  return planRepository(content, FILE, { rules, inUse: inUseOf(used, content.ref.repository) });
}

/**
 * Tags that have to stay (the file says so, or something runs them) and are gone, or cannot be pulled any more, once the
 * plan under these rules has been executed.
 */
function harmed(scene: Scene, rules: typeof protectionRules): Tag[] {
  const { content } = scene;
  const left = execute(content.tags, deletionsOf(planOf(scene, rules)));
  return planOf(scene)
    .tags.filter(({ fate, rule }) => (fate !== 'delete' && fate !== 'protect') || rule === 'in use')
    .filter(({ tag, digest }) => {
      const needed = closure([digest], content.indexes);
      return !left.tags.has(tag) || [...needed].some((digest) => left.deleted.has(digest));
    })
    .map((planned) => planned.tag);
}

/** For each rule, registries in which harm comes to a kept tag without it. A new rule without one fails. */
const needed: Record<string, Record<string, Scene & { harmed: string[] }>> = {
  'in use': {
    'by its tag': {
      content: contentOf(legacyRef(A), ['8 eight', '7 seven']),
      runs: [`docker-registry:5000/domino-${A}:8`],
      harmed: ['8'],
    },
    'by its digest, under every tag': {
      content: contentOf(NEW_REPOSITORY_REF, [`${A}-8 twins`, `${B}-1 twins`, `${B}-2 two`]),
      runs: [`x.io/cache/dominodatalab/environment@${digest('twins')}`],
      harmed: [`${A}-8`, `${B}-1`],
    },
    'as one platform of an index within an index': {
      content: contentOf(legacyRef(A), ['8 outer', '7 seven'], { outer: ['inner'], inner: ['amd64'] }),
      runs: [digest('amd64')],
      harmed: ['8'],
    },
  },
  'shared digest': {
    'twin of a retained tag': {
      content: contentOf(legacyRef(A), ['8 twins', '9 twins', '7 seven']),
      harmed: ['9'],
    },
    'twin of another environment’s tag': {
      content: contentOf(NEW_REPOSITORY_REF, [`${A}-8 twins`, `${C}-1 twins`]),
      harmed: [`${C}-1`],
    },
    'twin of a tag that is no revision': {
      content: contentOf(legacyRef(A), ['8 twins', '8-debug twins', 'buildcache twins']),
      harmed: ['8-debug', 'buildcache'],
    },
  },
  'index child': {
    'listed by a retained index': {
      content: contentOf(legacyRef(A), ['8 amd64', '9 index', '7 seven'], {
        index: ['amd64', 'arm64'],
      }),
      harmed: ['9'],
    },
    'listed by an index within an index that bears no tag': {
      content: contentOf(legacyRef(A), ['8 amd64', 'buildcache outer'], {
        outer: ['inner'],
        inner: ['other', 'amd64'],
      }),
      harmed: ['buildcache'],
    },
    'listed by another environment’s index': {
      content: contentOf(NEW_REPOSITORY_REF, [`${C}-1 index`, `${B}-1 amd64`], { index: ['amd64'] }),
      harmed: [`${C}-1`],
    },
  },
};

describe('each rule of protection', () => {
  it('stands in the table of this test, with a reason', () => {
    assert.deepEqual(protectionRules.map(({ name }) => name).sort(), Object.keys(needed).sort());
    for (const { why } of protectionRules) assert.match(why, /\w+ \w+ \w+/);
  });

  for (const [name, registries] of Object.entries(needed)) {
    const without = protectionRules.filter((rule) => rule.name !== name);
    for (const [title, { harmed: expected, ...scene }] of Object.entries(registries))
      it(`${name}: ${title}`, () => {
        assert.deepEqual(harmed(scene, protectionRules), []);
        assert.deepEqual(harmed(scene, without), expected, 'without the rule nothing happened');
        assert.ok(Object.values(fatesOf(planOf(scene))).includes(`protect: ${name}`));
      });
  }
});

describe('the rules together', () => {
  const fates = (...given: Parameters<typeof contentOf>) =>
    fatesOf(planRepository(contentOf(...given), FILE));

  it('delete what nothing needs', () => {
    const lists = { index: ['child'], doomed: ['a', 'b'] };
    assert.deepEqual(fates(legacyRef(A), ['9 nine', '8 index', '7 child', '6 doomed', '5 nine'], lists), {
      '9': 'retain',
      '8': 'delete',
      '7': 'delete',
      '6': 'delete',
      '5': 'protect: shared digest',
    });
  });

  it('protect what a protected index lists, and the twins of that', () => {
    // 8 is the twin of 9; 7 is listed by both; 6 is the twin of 7; 5 stands in an index within 7's twin.
    const lists = { index: ['child'], child: ['grandchild'] };
    assert.deepEqual(
      fates(legacyRef(A), ['5 grandchild', '6 child', '7 child', '8 index', '9 index', '4 four'], lists),
      {
        '4': 'delete',
        '5': 'protect: index child',
        '6': 'protect: index child',
        '7': 'protect: index child',
        '8': 'protect: shared digest',
        '9': 'retain',
      },
    );
  });

  it('go on until nothing changes, whatever their order', () => {
    // Only a rule that sees the newly protected tag `2` as kept can find that it needs `3` in turn.
    const chain = new Map(Object.entries({ 1: '2', 2: '3', 3: '4' }));
    const rule = {
      name: 'chain',
      protects: 'manifest' as const,
      why: 'each needs the next',
      needed: ({ kept }: { kept: ReadonlyMap<unknown, Tag> }) =>
        new Map(
          [...kept.values()].flatMap((keeper) => {
            const next = chain.get(keeper);
            return next === undefined ? [] : [[digest(next), keeper]];
          }),
        ),
    };
    const tags = ['5', '4', '3', '2', '1'].map((text) => ({
      tag: tag(text),
      digest: digest(text),
      fate: text === '1' ? ('retain' as const) : ('delete' as const),
      reason: '',
    }));
    const protectedTags = protect(tags, {}, { rules: [rule] });
    assert.deepEqual(
      protectedTags.map(({ fate }) => fate),
      ['delete', 'protect', 'protect', 'protect', 'retain'],
    );
  });

  it('name the kept tag that is the reason', () => {
    const plan = planRepository(
      contentOf(legacyRef(A), ['9 index', '8 index', '7 child'], { index: ['child'] }),
      FILE,
    );
    assert.match(plan.tags[1]?.reason ?? '', /\b9\b/);
    assert.match(plan.tags[2]?.reason ?? '', /\b9\b/);
  });

  it('keep a doomed tag that the registry has no manifest for', () => {
    assert.deepEqual(fates(legacyRef(A), ['9', '8', '7 seven', 'buildcache']), {
      '9': 'retain',
      '8': 'protect: unreadable',
      '7': 'delete',
      buildcache: 'unrecognised',
    });
  });

  it('end with an index that lists itself, and with two that list each other', () => {
    // Impossible by hashing, but the registry is not ours.
    const lists = { own: ['own', 'eight'], ping: ['pong'], pong: ['ping', 'seven'] };
    const lines = ['9 own', 'buildcache ping', '8 eight', '7 seven', '6 pong'];
    const result = fates(legacyRef(A), lines, lists);
    for (const doomed of ['8', '7', '6']) assert.equal(result[doomed], 'protect: index child');
  });

  it('follow indexes to any depth', () => {
    const depth = 50_000;
    const chain = Array.from({ length: depth }, (_, n) => [digest(`i${n}`), [digest(`i${n + 1}`)]] as const);
    const tags = [
      { tag: tag('1'), digest: digest('i0'), fate: 'retain', reason: '' },
      { tag: tag('2'), digest: digest(`i${depth}`), fate: 'delete', reason: '' },
    ] as const;
    assert.equal(protect(tags, Object.fromEntries(chain))[1]?.fate, 'protect');
  });

  it('judge 50,000 tags at once', () => {
    const lines = Array.from({ length: 50_000 }, (_, n) => `${n + 1} i${n >> 1}`);
    const { tags } = contentOf(legacyRef(A), lines);
    const plan = planRepository({ ref: legacyRef(A), tags, indexes: indexesOf({ i4: ['i9', 'i10'] }) }, FILE);
    assert.equal(deletionsOf(plan).length, 25_000 - 3);
  });
});
