import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RefusedError } from '../../src/domain/errors.ts';
import { noFigures } from '../../src/domain/outcome.ts';
import { type Binding, lastRestarts, type RunRecord } from '../../src/domain/run.ts';
import {
  lastMoment,
  lastMomentOfRestart,
  requireRoom,
  tellWindowOver,
  type Window,
} from '../../src/domain/window.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** From 0 to 120 minutes. */
const WINDOW: Window = { text: '2h', startedAtMs: 0, lengthMs: 120 * MINUTE };

const RUN: RunRecord = {
  schema: 1,
  id: 'r',
  startedAt: '',
  stage: 'deleting',
  deleting: true,
  confirmed: true,
  allowAbsent: false,
  environments: [],
  steps: {},
};

describe('the work within a window', () => {
  it('ends so early that restoring may take twice as long as it did, and half a minute more', () => {
    assert.equal(lastMoment(WINDOW, 45 * SECOND), 118 * MINUTE);
    assert.equal(lastMoment(WINDOW, 0), 119.5 * MINUTE);
  });

  it('has a smaller margin where the window is short', () => {
    assert.equal(lastMoment({ ...WINDOW, lengthMs: 8 * SECOND }, SECOND), 4 * SECOND);
  });

  it('ends during the first restart as soon as a second one of that length no longer fits', () => {
    const window = { ...WINDOW, lengthMs: 10.5 * MINUTE };
    assert.equal(lastMomentOfRestart(window, { restartMs: MINUTE, sinceMs: MINUTE }), 4 * MINUTE);
    assert.equal(lastMomentOfRestart(window, { restartMs: 4 * MINUTE, sinceMs: MINUTE }), 2 * MINUTE);
  });
});

describe('the room in a window', () => {
  const room = (restarts: number, nowMs: number) => () =>
    requireRoom(WINDOW, { nowMs, restarts, restartMs: MINUTE });

  it('has to be there for the restarts that are still to come', () => {
    for (const [restarts, lastMs] of [
      [3, 115.5 * MINUTE],
      [2, 116.5 * MINUTE],
      [1, 117.5 * MINUTE],
      [0, 119.5 * MINUTE],
    ] as const) {
      room(restarts, lastMs - 1)();
      assert.throws(room(restarts, lastMs), RefusedError);
    }
  });

  it('is told where there is too little of it', () => {
    assert.throws(room(2, 117 * MINUTE), {
      message:
        'The window of 2h is too short: 3 min 00 s of it are left, and restarting the registry and putting its setting back may take 3 min 30 s.',
    });
  });
});

describe('the end of a window', () => {
  const figures = { ...noFigures, planned: 10, deleted: 4, alreadyGone: 1, drifted: 1, failed: 1 };

  it('is told with what was done and what is left, failures included', () => {
    const error = tellWindowOver(WINDOW, RUN, figures);
    assert.equal(error.message, 'The window of 2h is over: 4 tags deleted, 4 left.');
    assert.equal(error.next, 'Continue with: npm run clean -- --resume --delete');
  });

  it('may come before the plan is complete', () => {
    const error = tellWindowOver(WINDOW, { ...RUN, stage: 'listing', deleting: false }, figures);
    assert.equal(error.message, 'The window of 2h is over: the plan is not complete. Nothing was changed.');
    assert.equal(error.next, 'Continue with: npm run clean -- --resume');
  });
});

describe('how long the last restarts took', () => {
  const binding: Binding = {
    clusterUid: 'c',
    context: 'prod',
    namespace: 'n',
    workload: 'w',
    registry: 'r:5000',
  };

  it('is what the newest runs tell that have restarted this very workload', () => {
    const runs: RunRecord[] = [
      { ...RUN, binding },
      { ...RUN, binding: { ...binding, clusterUid: 'other' }, restarts: { enablingMs: 1, restoringMs: 1 } },
      { ...RUN, binding: { ...binding, workload: 'other' }, restarts: { enablingMs: 2 } },
      { ...RUN, binding: { ...binding, namespace: 'other' }, restarts: { enablingMs: 3 } },
      { ...RUN, restarts: { enablingMs: 4 } },
      { ...RUN, binding, restarts: { enablingMs: 24 } },
      { ...RUN, binding, restarts: { enablingMs: 99, restoringMs: 31 } },
    ];
    assert.deepEqual(lastRestarts(runs, binding), { enablingMs: 24, restoringMs: 31 });
    assert.deepEqual(lastRestarts([], binding), {});
  });
});
