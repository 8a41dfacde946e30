import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EnvironmentId, Repository, Tag } from '../../src/domain/names.ts';
import { Outcomes } from '../../src/domain/outcome.ts';
import { legacyRef, NEW_REPOSITORY_REF, planRepository, type RepositoryPlan } from '../../src/domain/plan.ts';
import { chooseLost, countUndone, type LostTag } from '../../src/domain/undo.ts';
import { A, B, C, contentOf, digest, entry, tag } from './builders.ts';

const SIGNATURE = belongingTo('a1', '.sig');
const PLATFORM_SBOM = belongingTo('amd64', '.sbom');
const SBOM_SIGNATURE = belongingTo('sbom', '.sig');
const NEW = NEW_REPOSITORY_REF.repository;
const LEGACY = legacyRef(A).repository;

function belongingTo(nickname: string, suffix: string): Tag {
  return tag(`${digest(nickname).replace(':', '-')}${suffix}`);
}

const FILE = [entry(A, 9), entry(B, 9)];
const plans = [
  planRepository(
    contentOf(
      NEW_REPOSITORY_REF,
      [
        ...[`${A}-1 a1`, `${A}-9 a9`, `${B}-1 index`, `${B}-9 b9`, `${C}-1 c1`, 'buildcache cache'],
        ...[`${SIGNATURE} sig`, `${PLATFORM_SBOM} sbom`, `${SBOM_SIGNATURE} sbomsig`],
      ],
      { index: ['amd64'] },
    ),
    FILE,
  ),
  planRepository(contentOf(legacyRef(A), ['1 old1', '9 old9']), FILE),
];

const lost = (repository: Repository, name: string, nickname: string): LostTag => ({
  repository,
  tag: tag(name),
  digest: digest(nickname),
});
const ALL = [
  lost(NEW, `${A}-1`, 'a1'),
  lost(NEW, `${B}-1`, 'index'),
  lost(NEW, SIGNATURE, 'sig'),
  lost(NEW, PLATFORM_SBOM, 'sbom'),
  lost(NEW, SBOM_SIGNATURE, 'sbomsig'),
  lost(LEGACY, '1', 'old1'),
];

function choose(
  saved: readonly LostTag[],
  wanted: { only?: 'new' | 'legacy'; environments?: readonly EnvironmentId[] } = {},
  run: { plans?: readonly RepositoryPlan[]; outcomes?: Outcomes } = {},
) {
  return chooseLost(
    saved,
    { plans, outcomes: new Outcomes(), ...run },
    { only: wanted.only, environments: wanted.environments ?? [] },
  );
}

describe('what is put back', () => {
  it('is all that was saved and that the plan doomed, in its order', () => {
    assert.deepEqual(choose(ALL), { tags: ALL, foreign: 0, absent: [] });
  });

  it('is of one naming scheme, if that is wanted', () => {
    assert.deepEqual(choose(ALL, { only: 'legacy' }).tags, [ALL[5]]);
    assert.deepEqual(choose(ALL, { only: 'new' }).tags, ALL.slice(0, 5));
  });

  it('is of some environments, if that is wanted, with what belongs to their images, platforms and SBOMs', () => {
    assert.deepEqual(choose(ALL, { environments: [A] }).tags, [ALL[0], ALL[2], ALL[5]]);
    assert.deepEqual(choose(ALL, { environments: [B] }).tags, [ALL[1], ALL[3], ALL[4]]);
    assert.deepEqual(choose(ALL, { environments: [A, B] }).tags, ALL);
  });

  it('tells of environments of which nothing was deleted', () => {
    assert.deepEqual(choose(ALL, { environments: [A, C] }).absent, [C]);
  });

  it('is no tag that was left alone', () => {
    const outcomes = new Outcomes();
    outcomes.record({ at: '', repository: NEW, tag: tag(`${A}-1`), outcome: 'drifted' });
    outcomes.record({ at: '', repository: LEGACY, tag: tag('1'), outcome: 'alreadyGone' });
    assert.deepEqual(choose(ALL, {}, { outcomes }).tags, ALL.slice(1));
  });

  const foreign: Record<string, LostTag> = {
    'a tag that the plan keeps': lost(NEW, `${A}-9`, 'a9'),
    'a tag of another environment': lost(NEW, `${C}-1`, 'c1'),
    'no tag of a revision': lost(NEW, 'buildcache', 'cache'),
    'a tag that the plan does not know': lost(NEW, `${A}-2`, 'a1'),
    'another digest': lost(NEW, `${A}-1`, 'evil'),
    'another repository': lost('library/ubuntu' as Repository, '1', 'old1'),
  };
  for (const [what, each] of Object.entries(foreign))
    it(`is not ${what}`, () => assert.deepEqual(choose([each]), { tags: [], foreign: 1, absent: [] }));

  it('is never more than names of the two forms, whatever a plan from somewhere says', () => {
    const [first] = plans;
    assert.ok(first);
    const doomed = (name: string, more = {}) => ({
      ...{ tag: tag(name), digest: digest('evil'), fate: 'delete' as const, reason: '' },
      ...more,
    });
    const forged: RepositoryPlan[] = [
      {
        ...first,
        tags: [
          doomed('latest'),
          doomed(`${A}-007`),
          doomed(belongingTo('a1', '.txt')),
          doomed(belongingTo('a1', '.att'), { subject: digest('a2') }),
        ],
      },
      { ...first, ref: { ...legacyRef(A), repository: 'library/ubuntu' as Repository }, tags: [doomed('1')] },
    ];
    const saved = forged.flatMap(({ ref, tags }) =>
      tags.map((each) => ({ repository: ref.repository, tag: each.tag, digest: digest('evil') })),
    );
    assert.deepEqual(choose(saved, {}, { plans: forged }), { tags: [], foreign: 5, absent: [] });
  });
});

it('the figures add up', () => {
  const [first, second, third] = ALL as [LostTag, LostTag, LostTag];
  const entries = [
    { ...first, outcome: 'restored', unproven: true },
    { ...second, outcome: 'there' },
    { ...third, outcome: 'incomplete' },
  ] as const;
  assert.deepEqual(countUndone(5, entries), {
    ...{ tags: 5, restored: 1, there: 1, pushedSince: 0, incomplete: 1, failed: 0, unproven: 1 },
  });
});
