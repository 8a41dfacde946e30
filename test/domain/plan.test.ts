import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  absentRevisions,
  countFates,
  deletionsOf,
  doomedTags,
  legacyRef,
  NEW_REPOSITORY_REF,
  planMissingRepository,
  planRepository,
} from '../../src/domain/plan.ts';
import { A, B, C, contentOf, digest, entry, fatesOf, tag } from './builders.ts';

describe('the fate of a tag in the new repository', () => {
  const content = contentOf(NEW_REPOSITORY_REF, [
    `${A}-31 a31`,
    `${B}-9 b9`,
    `${A}-30 a30`,
    `${A}-3 a3`,
    `${C}-1 c1`,
    `${A}-030 x1`,
    `${A}-30-debug x2`,
    'buildcache x3',
    '30 x4',
    `${A.toUpperCase()}-30 x5`,
  ]);
  const plan = planRepository(content, [entry(A, 31, 3), entry(B)]);

  it('follows the file, and everything that is no revision of its environments stays', () => {
    assert.deepEqual(fatesOf(plan), {
      [`${A}-31`]: 'retain',
      [`${B}-9`]: 'delete',
      [`${A}-30`]: 'delete',
      [`${A}-3`]: 'retain',
      [`${C}-1`]: 'other',
      [`${A}-030`]: 'unrecognised',
      [`${A}-30-debug`]: 'unrecognised',
      buildcache: 'unrecognised',
      '30': 'unrecognised',
      [`${A.toUpperCase()}-30`]: 'unrecognised',
    });
  });

  it('stands in the order of the registry, with digest, names and a reason', () => {
    assert.deepEqual(
      plan.tags.map((planned) => [planned.tag, planned.digest]),
      [...content.tags],
    );
    assert.deepEqual(plan.tags[1]?.names, { environment: B, revision: 9 });
    assert.equal(plan.tags[5]?.names, undefined);
    for (const { reason } of plan.tags) assert.match(reason, /\w{3}/);
  });

  it('is deletion for a whole environment when the file retains none of it, and for no other', () => {
    assert.deepEqual(doomedTags(plan), [`${B}-9`, `${A}-30`]);
    assert.deepEqual(doomedTags(planRepository(content, [])), []);
  });

  it('is counted over all repositories', () => {
    const missing = planMissingRepository(legacyRef(A));
    assert.deepEqual(missing, {
      ...{ ref: legacyRef(A), exists: false, tags: [], indexes: {} },
      ...{ unties: false, ledgers: [] },
    });
    assert.deepEqual(countFates([plan, missing, plan]), {
      delete: 4,
      retain: 4,
      protect: 0,
      struck: 0,
      unrecognised: 10,
      other: 2,
    });
  });
});

describe('the fate of a tag in a legacy repository', () => {
  const content = contentOf(legacyRef(A), [
    '10 ten',
    '9 nine',
    '1 one',
    '09 x1',
    '9-debug x2',
    'buildcache x3',
    `${A}-9 x4`,
  ]);

  it('follows the file', () => {
    assert.deepEqual(fatesOf(planRepository(content, [entry(B, 9), entry(A, 10)])), {
      '10': 'retain',
      '9': 'delete',
      '1': 'delete',
      '09': 'unrecognised',
      '9-debug': 'unrecognised',
      buildcache: 'unrecognised',
      [`${A}-9`]: 'unrecognised',
    });
  });

  it('is to stay when the file does not name the environment', () => {
    assert.deepEqual(doomedTags(planRepository(content, [entry(B)])), []);
  });
});

describe('the deletions of a plan', () => {
  it('are one for each digest, in the plan’s order, with all doomed tags on it', () => {
    const plan = planRepository(
      contentOf(legacyRef(A), ['5 twins', '4 single', '3 retained', '2 twins', '1 retained', '7']),
      [entry(A, 3)],
    );
    assert.deepEqual(deletionsOf(plan), [
      { repository: `domino-${A}`, digest: digest('twins'), tags: ['5', '2'] },
      { repository: `domino-${A}`, digest: digest('single'), tags: ['4'] },
    ]);
    assert.deepEqual(doomedTags(plan), ['5', '4', '2']);
  });

  it('are none for a repository that is missing, empty or without a doomed tag', () => {
    assert.deepEqual(deletionsOf(planMissingRepository(legacyRef(A))), []);
    assert.deepEqual(deletionsOf(planRepository(contentOf(legacyRef(A), []), [entry(A)])), []);
    assert.deepEqual(deletionsOf(planRepository(contentOf(legacyRef(A), ['1 x']), [entry(A, 1)])), []);
  });

  it('leave out a doomed tag without a digest, were there one', () => {
    const plan = planMissingRepository(legacyRef(A));
    const tags = [{ tag: tag('1'), digest: undefined, fate: 'delete', reason: '' }] as const;
    assert.deepEqual(deletionsOf({ ...plan, tags }), []);
  });
});

describe('retained revisions that are nowhere', () => {
  const environments = [entry(A, 31, 13), { ...entry(B, 3), line: 4 }, entry(C)];

  it('are told apart by environment and revision, with their line', () => {
    const existing = [
      { environment: A, revision: 31 },
      { environment: A, revision: 3 },
      { environment: B, revision: 13 },
    ];
    assert.deepEqual(absentRevisions(environments, existing), [
      { environment: A, revision: 13, line: 1 },
      { environment: B, revision: 3, line: 4 },
    ]);
  });

  it('are none when every one is found somewhere, and all when nothing is found', () => {
    const all = environments.flatMap(({ id, retain }) =>
      retain.map((revision) => ({ environment: id, revision })),
    );
    assert.deepEqual(absentRevisions(environments, new Set(all)), []);
    assert.equal(absentRevisions(environments, []).length, 3);
  });
});
