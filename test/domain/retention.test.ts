import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EnvironmentEntry } from '../../src/domain/environments.ts';
import { legacyRef, planRepository, revisePlan } from '../../src/domain/plan.ts';
import { lowestOfNewest, whyRetained, withNewest, withNewestAgain } from '../../src/domain/retention.ts';
import { A, B, contentOf, entry, fatesOf } from './builders.ts';
import { check } from './property.ts';

const anyRevisions = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 });
const anyNumber = fc.integer({ min: 1, max: 6 });

function latest(newest: number, keepFrom?: number): EnvironmentEntry {
  return { ...entry(A), latest: newest, ...(keepFrom !== undefined && { keepFrom }) };
}

function namesOf(revisions: readonly number[]) {
  return revisions.map((revision) => ({ environment: A, revision }));
}

/** The revisions that go. */
function doomed(given: EnvironmentEntry, revisions: readonly number[]): number[] {
  return revisions.filter((revision) => whyRetained(given, revision) === undefined);
}

describe('the newest revisions', () => {
  it('are exactly so many by number, however often each is there', () => {
    check([anyRevisions, anyNumber], (revisions, newest) => {
      const gone = doomed(latest(newest, lowestOfNewest(revisions, newest)), revisions);
      const kept = new Set(revisions.filter((revision) => !gone.includes(revision)));
      const byNumber = [...new Set(revisions)].sort((a, b) => b - a);
      assert.deepEqual(
        [...kept].sort((a, b) => b - a),
        byNumber.slice(0, newest),
      );
    });
  });

  it('stay all as long as it is not known which they are', () => {
    const plan = planRepository(contentOf(legacyRef(A), ['1 one', '2 two']), [latest(1)]);
    assert.deepEqual(fatesOf(plan), { 1: 'retain', 2: 'retain' });
  });

  it('stay beside those that the file names', () => {
    const plan = planRepository(contentOf(legacyRef(A), ['1 one', '2 two', '3 three', '4 four']), [
      { ...latest(1, 4), retain: [2] },
    ]);
    assert.deepEqual(fatesOf(plan), { 1: 'delete', 2: 'retain', 3: 'delete', 4: 'retain' });
    assert.deepEqual(
      plan.tags.map(({ reason }) => reason),
      ['not named in the file', 'named in the file', 'not named in the file', 'among the newest 1'],
    );
  });

  it('are found out once: nothing that is found out later dooms what was kept', () => {
    const once = withNewest([latest(2), entry(B, 1)], new Map([[A, 5]]));
    assert.deepEqual(once, [latest(2, 5), entry(B, 1)]);
    assert.deepEqual(withNewest(once, new Map([[A, 9]])), once);
  });

  it('never doom in a run that goes on what its plan has kept, whatever was pushed and the file says now', () => {
    const anyEntry = fc.record({ newest: anyNumber, retain: anyRevisions });
    check([anyRevisions, anyEntry, anyEntry, fc.boolean()], (revisions, first, second, sameFile) => {
      const before = {
        ...latest(first.newest, lowestOfNewest(revisions, first.newest)),
        retain: first.retain,
      };
      const tags = [...new Set(revisions)].map((revision) => `${revision} r${revision}`);
      const plan = planRepository(contentOf(legacyRef(A), tags), [before]);
      const now = sameFile
        ? { ...before, keepFrom: undefined }
        : { ...latest(second.newest), retain: second.retain };
      const { keepFrom: _, ...written } = now;
      const environments = withNewestAgain([written], { entries: [before], planned: namesOf(revisions) });
      const goes = (fates: Record<string, string>) =>
        Object.keys(fates).filter((tag) => fates[tag] === 'delete');
      const planned = new Set(goes(fatesOf(plan)));
      const revised = goes(fatesOf(revisePlan(plan, { environments })));
      assert.ok(revised.every((tag) => planned.has(tag)));
      if (sameFile) assert.deepEqual(revised, [...planned]);
      const newestNow = [...new Set(revisions)].sort((a, b) => b - a).slice(0, second.newest);
      if (!sameFile) assert.ok(newestNow.every((revision) => !revised.includes(String(revision))));
    });
  });

  it('are those of both naming schemes also for a run that has planned only one, if the file is the same', () => {
    // The new repository has 11 to 20, of which a run with --only legacy knows nothing.
    const planned = namesOf([1, 2, 3]);
    const again = (now: EnvironmentEntry) =>
      withNewestAgain([now], { entries: [latest(3, 18)], planned })[0]?.keepFrom;
    assert.equal(again(latest(3)), 18);
    assert.equal(again(latest(2)), 18);
    // More are asked for than were looked for: as many of those that are planned stay.
    assert.equal(again(latest(4)), 1);
  });
});
