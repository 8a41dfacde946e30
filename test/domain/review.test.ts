import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  legacyRef,
  NEW_REPOSITORY_REF,
  planMissingRepository,
  planRepository,
  revisePlan,
} from '../../src/domain/plan.ts';
import { reviewPlan } from '../../src/domain/review.ts';
import { A, B, C, contentOf, entry, id, tag } from './builders.ts';

const FILE = [entry(B), entry(A, 31, 30)];
const D = id('0123456789abcdef01234567');

const inNew = planRepository(
  contentOf(
    NEW_REPOSITORY_REF,
    [
      `${A}-31 a31`,
      `${A}-30 twins`,
      `${A}-29 twins`,
      `${A}-28 child`,
      `${A}-27 a27`,
      `${A}-26`,
      `${B}-2 b2`,
      `${B}-1 b1`,
      `${C}-1 c1`,
      `${D}-1 d1`,
      `${A}-027 x`,
      'buildcache x',
    ],
    { a31: ['child'] },
  ),
  FILE,
);
const legacyA = planRepository(contentOf(legacyRef(A), ['1 one', 'buildcache x']), FILE);
const legacyB = planMissingRepository(legacyRef(B));

describe('the review', () => {
  const review = reviewPlan([inNew, legacyB, legacyA], FILE);

  it('has a row for every environment in every repository, in the order of the file', () => {
    assert.deepEqual(
      review.rows.map(({ environment, repository }) => [environment, repository]),
      [
        [B, 'dominodatalab/environment'],
        [B, `domino-${B}`],
        [A, 'dominodatalab/environment'],
        [A, `domino-${A}`],
      ],
    );
  });

  it('counts found, retained, protected and why, and to delete', () => {
    const { missing, found, retained, toDelete, protectedBy, ...row } = review.rows[2] ?? assert.fail();
    assert.deepEqual([missing, found, retained, row.protected, row.struck, toDelete], [false, 6, 2, 3, 0, 1]);
    assert.deepEqual(protectedBy, { 'shared digest': 1, 'index child': 1, unreadable: 1 });
  });

  it('hides nothing that is to be deleted, also where the file has no row for it', () => {
    const { rows, totals } = reviewPlan([inNew, legacyA], [entry(B)]);
    assert.equal(
      rows.reduce((sum, { toDelete }) => sum + toDelete, 0),
      2,
    );
    assert.equal(totals.toDelete, 4);
  });

  it('marks an environment of which nothing will remain, and no other', () => {
    assert.deepEqual(
      review.rows.map(({ missing, found, nothingRemains }) => [missing, found, nothingRemains]),
      [
        [false, 2, true],
        [true, 0, false],
        [false, 6, false],
        [false, 1, false],
      ],
    );
  });

  it('marks none of which something remains elsewhere, or is struck', () => {
    const legacy = planRepository(contentOf(legacyRef(B), ['1 kept', 'x kept']), FILE);
    assert.ok(reviewPlan([inNew, legacy], FILE).rows.every((row) => !row.nothingRemains));
    const struck = revisePlan(inNew, { struck: new Set([tag(`${B}-1`)]) });
    const [first] = reviewPlan([struck], FILE).rows;
    assert.deepEqual([first?.struck, first?.toDelete, first?.nothingRemains], [1, 1, false]);
  });

  it('says how much is left alone, and sums up', () => {
    assert.deepEqual(review.leftAlone, { unrecognised: 3, otherEnvironments: 2 });
    assert.deepEqual(review.totals, { found: 9, protected: 3, toDelete: 4, following: 0, untiedOnly: 0 });
  });
});
