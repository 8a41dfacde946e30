import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createAlarm } from '../../src/adapters/alarm.ts';

const START = 1_000_000;
const MINUTE = 60_000;

function alarmAt(test: TestContext) {
  test.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: START });
  return createAlarm();
}

describe('an alarm', () => {
  it('aborts at its moment, with its reason', (test) => {
    const alarm = alarmAt(test);
    const reason = new Error('it is over');
    alarm.set(START + 5 * MINUTE, reason);
    test.mock.timers.tick(5 * MINUTE - 1);
    assert.equal(alarm.signal.aborted, false);
    test.mock.timers.tick(1);
    assert.equal(alarm.signal.reason, reason);
  });

  it('can be moved, and cleared', (test) => {
    const alarm = alarmAt(test);
    alarm.set(START + MINUTE, new Error('early'));
    alarm.set(START + 3 * MINUTE, new Error('late'));
    test.mock.timers.tick(2 * MINUTE);
    assert.equal(alarm.signal.aborted, false);
    alarm.clear();
    test.mock.timers.tick(2 * MINUTE);
    assert.equal(alarm.signal.aborted, false);
  });

  it('aborts at once where the moment has passed', (test) => {
    const alarm = alarmAt(test);
    alarm.set(START, new Error('now'));
    assert.equal(alarm.signal.aborted, true);
  });

  it('notices a moment that passed while the machine slept, when no timer ran', (test) => {
    const alarm = alarmAt(test);
    alarm.set(START + 60 * MINUTE, new Error('now'));
    test.mock.timers.setTime(START + 61 * MINUTE);
    test.mock.timers.tick(15_000);
    assert.equal(alarm.signal.aborted, true);
  });
});
