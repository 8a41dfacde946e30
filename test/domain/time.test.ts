import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs } from '../../src/domain/backoff.ts';
import { parseDuration } from '../../src/domain/duration.ts';

describe('the time before another try', () => {
  it('doubles, up to 15 s', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 2000].map((attempt) => backoffMs(attempt, 1));
    assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it('is at least half of that', () => {
    assert.deepEqual([backoffMs(1, 0), backoffMs(1, 0.5), backoffMs(9, 0)], [250, 375, 7500]);
  });
});

describe('a duration on the command line', () => {
  for (const [text, durationMs] of [
    ['200ms', 200],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['1m1s1ms', 61_001],
    ['0s', 0],
  ] as const)
    it(text, () => assert.equal(parseDuration(text), durationMs));

  for (const text of [
    '',
    '5',
    's',
    '5 m',
    '-5s',
    '+5s',
    '5M',
    '.5s',
    '5.s',
    '1e3s',
    '5d',
    '5s\n',
    '5s5s',
    '30m1h',
    '1h 30m',
    '５s',
    'Infinitys',
  ])
    it(`not ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined));
});
