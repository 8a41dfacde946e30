import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { legacyRepository } from '../../src/domain/names.ts';
import { type Outcome, Outcomes } from '../../src/domain/outcome.ts';
import { legacyRef, NEW_REPOSITORY_REF, planRepository, type RepositoryPlan } from '../../src/domain/plan.ts';
import {
  deletedDigests,
  type Expectation,
  expectationsOf,
  judgeImage,
  judgeTag,
  type KeptImage,
  keptImages,
  type MissingPart,
  type Seen,
  sampleOf,
  tellVerification,
  type Verification,
  verifyFigures,
} from '../../src/domain/verify.ts';
import { A, B, contentOf, digest, entry, tag } from './builders.ts';

const REPOSITORY = legacyRepository(A);

function outcomesOf(given: Readonly<Record<string, Outcome>>, repository = REPOSITORY): Outcomes {
  const outcomes = new Outcomes();
  for (const [name, outcome] of Object.entries(given))
    outcomes.record({ at: '', repository, tag: tag(name), outcome });
  return outcomes;
}

/** Environment A retains revision 9. */
function planOf(lines: readonly string[], lists: Record<string, string[]> = {}): RepositoryPlan {
  return planRepository(contentOf(legacyRef(A), lines, lists), [entry(A, 9)], { unties: true });
}

/** `state digest`, by tag. */
function statesOf(expectations: readonly Expectation[]): Record<string, string> {
  return Object.fromEntries(expectations.map(({ tag, state, digest }) => [tag, `${state} ${digest}`]));
}

const found = (nickname: string): Seen => ({ state: 'found', manifest: { digest: digest(nickname) } });
const GONE: Seen = { state: 'gone' };
const DANGLING: Seen = { state: 'dangling', reason: 'no such manifest' };
const UNREADABLE: Seen = { state: 'unreadable', reason: 'schema 1' };
const UNTIED: Seen = { state: 'untied', marker: tag('registry-cleaner-20261123T100000Z-0000aa-1') };

describe('what a tag has to be in the end', () => {
  const plan = planOf(['1 one', '2 two', '3 three', '4 four', '9 kept', 'buildcache cache', '8']);

  it('follows from the plan and from what became of it', () => {
    const outcomes = outcomesOf({ 1: 'deleted', 2: 'alreadyGone', 3: 'drifted', 4: 'failed' });
    assert.deepEqual(statesOf(expectationsOf(plan, plan, outcomes)), {
      1: `gone ${digest('one')}`,
      2: `gone ${digest('two')}`,
      3: `there ${digest('three')}`,
      9: `same ${digest('kept')}`,
      buildcache: `same ${digest('cache')}`,
      8: 'manifestless undefined',
    });
  });

  it('is nothing for one whose turn has not come', () => {
    assert.equal(statesOf(expectationsOf(plan, plan, new Outcomes()))[1], undefined);
  });

  it('is what it stood for when the plan was reviewed, not when it was looked at again', () => {
    const later = planOf(['1 one', '9 pushed', '10 new']);
    const expected = statesOf(expectationsOf(later, planOf(['1 one', '9 kept']), new Outcomes()));
    assert.equal(expected[9], `same ${digest('kept')}`);
  });

  it('is for one that was pushed since the review what a later look has seen', () => {
    const later = planOf(['9 kept', 'debug pushed']);
    const expected = statesOf(expectationsOf(later, planOf(['9 kept']), new Outcomes()));
    assert.equal(expected.debug, `same ${digest('pushed')}`);
  });
});

describe('a tag that is held against what it has to be', () => {
  const verdictOf = (state: Expectation['state'], seen: Seen, nickname?: string) =>
    judgeTag({ state, digest: nickname === undefined ? undefined : digest(nickname) }, seen).verdict;

  const rules: readonly [string, Expectation['state'], Seen, string][] = [
    ['deleted, and gone', 'gone', GONE, 'gone'],
    ['deleted, and there with its image', 'gone', found('image'), 'stillThere'],
    ['deleted, and there with another image', 'gone', found('other'), 'moved'],
    ['deleted, and there with what cannot be read', 'gone', UNREADABLE, 'moved'],
    ['deleted, and listed without a manifest', 'gone', DANGLING, 'stillThere'],
    ['deleted, and on a throw-away manifest', 'gone', UNTIED, 'stillThere'],
    ['kept, and as before', 'same', found('image'), 'kept'],
    ['kept, and on another image', 'same', found('other'), 'moved'],
    ['kept, and on what cannot be read', 'same', UNREADABLE, 'moved'],
    ['kept, and gone', 'same', GONE, 'lost'],
    ['kept, and listed without a manifest', 'same', DANGLING, 'lost'],
    ['kept, and on a throw-away manifest', 'same', UNTIED, 'lost'],
    ['left alone, and there with whatever', 'there', found('other'), 'kept'],
    ['left alone, and unreadable', 'there', UNREADABLE, 'kept'],
    ['left alone, and gone', 'there', GONE, 'lost'],
    ['left alone, and listed without a manifest', 'there', DANGLING, 'lost'],
    ['left alone, and on a throw-away manifest', 'there', UNTIED, 'lost'],
  ];
  for (const [what, state, seen, verdict] of rules)
    it(`${what}: ${verdict}`, () => assert.equal(verdictOf(state, seen, 'image'), verdict));

  it('is as before when it had no manifest, and has none', () => {
    assert.equal(verdictOf('manifestless', DANGLING), 'kept');
    assert.equal(verdictOf('manifestless', UNREADABLE), 'kept');
  });

  it('has lost nothing when it had no manifest', () => {
    assert.equal(verdictOf('manifestless', GONE), 'moved');
    assert.equal(verdictOf('manifestless', found('new')), 'moved');
  });

  it('says what it is now', () => {
    const { reason } = judgeTag({ state: 'same', digest: digest('image') }, found('other'));
    assert.equal(reason, `it stands for ${digest('other')} now: somebody has pushed it since`);
  });
});

describe('what a run has deleted', () => {
  it('is what its deleted tags stood for, and what their indexes listed', () => {
    const plan = planOf(['1 index', '2 two', '3 three', '9 kept'], { index: ['child'] });
    const deleted = deletedDigests(plan, outcomesOf({ 1: 'deleted', 2: 'alreadyGone', 3: 'failed' }));
    assert.deepEqual([...deleted].sort(), [digest('index'), digest('two'), digest('child')].sort());
  });
});

describe('an image that is looked into', () => {
  const image = { repository: REPOSITORY, tag: tag('9'), digest: digest('image') };
  const part = (nickname: string, kind: MissingPart['kind']) => ({ digest: digest(nickname), kind });
  const deleted = new Set([digest('ours')]);

  it('is whole when nothing is missing', () => {
    assert.equal(judgeImage(image, [], deleted), undefined);
  });

  it('is lost when this run has deleted what it lists, whatever else is missing', () => {
    const finding = judgeImage(image, [part('layer', 'blob'), part('ours', 'manifest')], deleted);
    assert.equal(finding?.verdict, 'lost');
    assert.equal(
      finding.reason,
      `${digest('ours')} (and 1 more), which it needs, is gone: this run has deleted a tag that stood for it, or an index that listed it`,
    );
  });

  it('is not whole, by no doing of this run, when something else is missing', () => {
    const never = judgeImage(image, [part('never', 'manifest')], deleted);
    assert.equal(never?.verdict, 'notWhole');
    assert.match(never.reason, /this run did not delete it/);
  });

  it('is not lost for want of a layer: the run deletes none, be it of the same digest', () => {
    const finding = judgeImage(image, [part('ours', 'blob')], deleted);
    assert.equal(finding?.verdict, 'notWhole');
    assert.match(finding.reason, /deletes no layers.*garbage collection/);
  });

  it('is not whole when a manifest is damaged, be it one that this run has deleted elsewhere', () => {
    const finding = judgeImage(image, [part('ours', 'damaged')], deleted);
    assert.equal(finding?.verdict, 'notWhole');
    assert.match(finding.reason, /cannot be read/);
  });

  it('is not suspected where it cannot be told what is missing, unless this run has deleted it', () => {
    assert.equal(judgeImage(image, [part('cache layer', 'unclear')], deleted), undefined);
    assert.equal(judgeImage(image, [part('ours', 'unclear')], deleted)?.verdict, 'lost');
  });
});

describe('the images that stay', () => {
  it('are those whose tags stand for what they did, each once', () => {
    const plan = planOf(['9 kept', '1 one', 'twin kept', 'moved other']);
    const images = keptImages(plan, new Set([tag('9'), tag('twin')]), outcomesOf({ 1: 'deleted' }));
    assert.deepEqual(
      images.map(({ tag, digest }) => `${tag} ${digest}`),
      [`9 ${digest('kept')}`],
    );
  });

  it('are near to what was deleted by their image, by what they list, or by their environment', () => {
    const lines = [`${A}-1 twin`, `${A}-2 child`, `${A}-9 near`, `${B}-9 twin`, `${B}-8 index`, 'debug far'];
    const entries = [entry(A, 9), entry(B, 8, 9)];
    const plan = planRepository(contentOf(NEW_REPOSITORY_REF, lines, { index: ['child'] }), entries, {
      unties: true,
    });
    const outcomes = outcomesOf(
      { [`${A}-1`]: 'deleted', [`${A}-2`]: 'deleted' },
      NEW_REPOSITORY_REF.repository,
    );
    const images = keptImages(plan, new Set(plan.tags.map(({ tag }) => tag)), outcomes);
    const distances = Object.fromEntries(images.map(({ digest, distance }) => [digest, distance]));
    assert.deepEqual(distances, {
      [digest('twin')]: 0,
      [digest('child')]: 0,
      [digest('index')]: 0,
      [digest('near')]: 1,
      [digest('far')]: 2,
    });
    const untouched = keptImages(plan, new Set([tag('debug')]), new Outcomes());
    assert.deepEqual(
      untouched.map(({ distance }) => distance),
      [3],
    );
  });
});

describe('the sample', () => {
  const imagesOf = (environment: typeof A, count: number, distance = 1): KeptImage[] =>
    Array.from({ length: count }, (_, n) => ({
      repository: legacyRepository(environment),
      digest: digest(`${environment} ${n}`),
      tag: tag(String(n + 1)),
      distance,
    }));

  it('is all of a few', () => {
    assert.equal(sampleOf(imagesOf(A, 7)).length, 7);
  });

  it('is spread over the repositories', () => {
    const sample = sampleOf([...imagesOf(A, 500), ...imagesOf(B, 3)]);
    assert.equal(sample.length, 20);
    assert.equal(sample.filter(({ repository }) => repository === legacyRepository(B)).length, 3);
  });

  it('prefers what is near to what was deleted', () => {
    const near = { ...imagesOf(A, 1, 0)[0], digest: digest('near') } as KeptImage;
    assert.ok(sampleOf([...imagesOf(A, 500), near]).includes(near));
  });

  it('is the same in whatever order the registry answers', () => {
    const images = [...imagesOf(A, 100), ...imagesOf(B, 100)];
    assert.deepEqual(sampleOf(images), sampleOf(images.toReversed()));
  });
});

describe('the figures of the check', () => {
  const finding = (verdict: 'lost' | 'moved' | 'stillThere' | 'notWhole') => ({
    ...{ repository: REPOSITORY, tag: tag('9'), verdict, reason: '' },
  });
  const verification: Verification = {
    mode: 'sample',
    isComplete: true,
    gone: 59,
    verified: 22,
    looked: 20,
    images: 22,
    blobs: 'there',
    findings: [
      finding('lost'),
      finding('moved'),
      finding('moved'),
      finding('stillThere'),
      finding('notWhole'),
    ],
  };

  it('count each verdict', () => {
    assert.deepEqual(verifyFigures(verification), {
      verify: 'sample',
      ...{ verified: 22, moved: 2, lost: 1, stillThere: 1, looked: 20, notWhole: 1 },
    });
  });

  it('tell a check that was not made, or not to its end, from one that found nothing', () => {
    assert.equal(verifyFigures(undefined).verify, 'none');
    assert.equal(verifyFigures({ ...verification, isComplete: false }).verify, 'incomplete');
  });

  it('are told in a line, with what was not looked for', () => {
    assert.equal(
      tellVerification(verification),
      '22 kept as before, 59 gone, 20 of 22 images looked into, 1 LOST, 1 STILL THERE, 2 moved since, 1 not whole',
    );
    assert.match(tellVerification({ ...verification, blobs: 'notLookedFor' }), /layers not looked for/);
    assert.match(tellVerification({ ...verification, blobs: 'known' }), /as far as the registry knows/);
  });
});
