import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Repository } from '../../src/domain/names.ts';
import { countFigures, type Outcome, Outcomes } from '../../src/domain/outcome.ts';
import { legacyRef, planMissingRepository, planRepository, revisePlan } from '../../src/domain/plan.ts';
import { A, B, contentOf, entry, tag } from './builders.ts';

const REF = legacyRef(A);

function outcomes(
  given: Readonly<Record<string, Outcome>>,
  repository: Repository = REF.repository,
): Outcomes {
  const all = new Outcomes();
  for (const [text, outcome] of Object.entries(given))
    all.record({ at: '2026-11-23T10:00:00.000Z', repository, tag: tag(text), outcome });
  return all;
}

describe('the outcomes', () => {
  const all = outcomes({ '1': 'deleted', '2': 'alreadyGone', '3': 'failed', '4': 'drifted' });

  it('are settled, but for failures', () => {
    const settled = ['1', '2', '3', '4', '5'].filter((text) => all.isSettled(REF.repository, tag(text)));
    assert.deepEqual(settled, ['1', '2', '4']);
  });

  it('say which tags are gone', () => {
    const gone = ['1', '2', '3', '4', '5'].filter((text) => all.isGone(REF.repository, tag(text)));
    assert.deepEqual(gone, ['1', '2']);
  });

  it('are each the latest of their tag', () => {
    const again = outcomes({ '1': 'failed', '2': 'failed' });
    again.record({ at: '', repository: REF.repository, tag: tag('1'), outcome: 'deleted' });
    assert.deepEqual(
      again.with('failed').map(({ tag }) => tag),
      ['2'],
    );
    assert.equal(again.of(REF.repository, tag('1'))?.outcome, 'deleted');
  });

  it('belong to their repository', () => {
    assert.equal(all.of(legacyRef(B).repository, tag('1')), undefined);
  });
});

describe('the figures', () => {
  const plan = planRepository(
    contentOf(REF, ['9 nine', '8 nine', '7 a', '6 b', '5 c', '4 d', '3 e', '2', 'buildcache x', '07 y']),
    [entry(A, 9)],
  );
  const missing = planMissingRepository(legacyRef(B));

  it('count the plan before anything is done', () => {
    assert.deepEqual(countFigures([plan, missing], new Outcomes()), {
      planned: 5,
      deleted: 0,
      alreadyGone: 0,
      failed: 0,
      drifted: 0,
      retained: 1,
      protected: 2,
      unrecognised: 2,
      struck: 0,
      missingRepositories: [`domino-${B}`],
    });
  });

  const done: Record<string, Outcome> = {
    '7': 'deleted',
    '6': 'alreadyGone',
    '5': 'failed',
    '4': 'drifted',
    '3': 'deleted',
  };

  it('add up when everything is done', () => {
    const { planned, deleted, alreadyGone, failed, drifted } = countFigures([plan], outcomes(done));
    assert.deepEqual([planned, deleted, alreadyGone, failed, drifted], [5, 2, 1, 1, 1]);
  });

  it('add up also when what is done would be kept by now; a failure is kept then', () => {
    const kept = revisePlan(plan, { environments: [entry(A, 9, 7, 6, 5, 4)] });
    const figures = countFigures([kept], outcomes(done));
    const { planned, deleted, alreadyGone, failed, drifted, retained } = figures;
    assert.deepEqual([planned, deleted, alreadyGone, failed, drifted], [4, 2, 1, 0, 1]);
    assert.equal(retained, 2);
  });

  it('count every tag once', () => {
    const struck = revisePlan(plan, { struck: new Set([tag('7')]) });
    for (const [current, results] of [
      [plan, {}],
      [plan, done],
      [struck, {}],
      [struck, done],
    ] as const) {
      const f = countFigures([current], outcomes(results));
      assert.equal(f.planned + f.retained + f.protected + f.unrecognised + f.struck, plan.tags.length);
    }
  });

  it('are not confused by outcomes of another repository', () => {
    const figures = countFigures([plan], outcomes({ '7': 'deleted' }, legacyRef(B).repository));
    assert.equal(figures.deleted, 0);
  });
});
