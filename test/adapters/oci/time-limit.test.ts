import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TimeLimit } from '../../../src/adapters/oci/time-limit.ts';

const MINUTE_MS = 60_000;

describe('TimeLimit', () => {
  it('is a minute for a look and five for a change, as long as nothing was slow', () => {
    for (const [kind, leastMs] of [
      ['look', MINUTE_MS],
      ['change', 5 * MINUTE_MS],
    ] as const) {
      const limit = new TimeLimit(kind);
      assert.equal(limit.limitMs, leastMs);
      limit.measured(20);
      assert.equal(limit.limitMs, leastMs);
    }
  });

  it('is ten times what was slowest, up to half an hour', () => {
    const limit = new TimeLimit('change');
    limit.measured(MINUTE_MS);
    limit.measured(10);
    assert.equal(limit.limitMs, 10 * MINUTE_MS);
    limit.measured(4 * MINUTE_MS);
    assert.equal(limit.limitMs, 30 * MINUTE_MS);
  });

  it('doubles when it was too short', () => {
    const limit = new TimeLimit('look');
    limit.exceeded(limit.limitMs);
    assert.equal(limit.limitMs, 2 * MINUTE_MS);
    // What was under way with the old limit tells nothing new.
    limit.exceeded(MINUTE_MS);
    assert.equal(limit.limitMs, 2 * MINUTE_MS);
    for (let round = 0; round < 10; round++) limit.exceeded(limit.limitMs);
    assert.equal(limit.limitMs, 30 * MINUTE_MS);
  });

  it('gives a lost change twice the time of the slowest to come to its end', () => {
    const limit = new TimeLimit('change');
    assert.equal(limit.settlingMs, 1_000);
    limit.measured(4_000);
    assert.equal(limit.settlingMs, 8_000);
    limit.exceeded(5 * MINUTE_MS);
    assert.equal(limit.settlingMs, 5 * MINUTE_MS);
  });
});
