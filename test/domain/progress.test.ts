import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration, remainingMs } from '../../src/domain/progress.ts';

describe('the remaining time', () => {
  it('is unknown until something is done and a second has passed', () => {
    assert.equal(remainingMs({ done: 0, total: 10, elapsedMs: 60_000 }), undefined);
    assert.equal(remainingMs({ done: 5, total: 10, elapsedMs: 999 }), undefined);
  });

  it('goes on at the speed so far', () => {
    assert.equal(remainingMs({ done: 1, total: 4, elapsedMs: 2000 }), 6000);
    assert.equal(remainingMs({ done: 4, total: 4, elapsedMs: 2000 }), 0);
  });

  it('is none when more is done than was expected', () => {
    assert.equal(remainingMs({ done: 5, total: 4, elapsedMs: 2000 }), 0);
  });
});

describe('a duration', () => {
  for (const [durationMs, text] of [
    [-5000, '0 s'],
    [0, '0 s'],
    [499, '0 s'],
    [500, '1 s'],
    [45_000, '45 s'],
    [59_499, '59 s'],
    [59_500, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [3_599_499, '59 min 59 s'],
    [3_599_500, '1 h 00 min'],
    [7_800_000, '2 h 10 min'],
    [7_859_999, '2 h 11 min'],
    [100 * 3_600_000, '100 h 00 min'],
  ] as const)
    it(`${durationMs} ms: ${text}`, () => assert.equal(formatDuration(durationMs), text));
});
