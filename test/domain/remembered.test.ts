import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { legacyRepository, NEW_REPOSITORY, type Repository } from '../../src/domain/names.ts';
import { counts, tellRemembered } from '../../src/domain/remembered.ts';
import { A, B, tag } from './builders.ts';

const NOW_MS = 1_000_000;

/** Whether a look so long ago is enough where one counts for half a minute. */
function isEnough(name: string, repository: Repository = NEW_REPOSITORY, ageMs = 0): boolean {
  const look = { repository, tag: tag(name), seenAtMs: NOW_MS - ageMs };
  return counts(look, { nowMs: NOW_MS, maxAgeMs: 30_000 });
}

describe('an earlier look at a tag', () => {
  it('counts for a revision of either naming scheme', () => {
    assert.ok(isEnough(`${A}-7`));
    assert.ok(isEnough('7', legacyRepository(A)));
  });

  it('does not count for any other tag', () => {
    for (const name of ['buildcache', `${A}-7-debug`, `${A}-007`, '7', A, `sha256-${'0'.repeat(64)}.sig`])
      assert.equal(isEnough(name), false, name);
    for (const name of ['buildcache', '007', `${A}-7`, 'registry-cleaner-20261123T090000Z-0000bb-1'])
      assert.equal(isEnough(name, legacyRepository(B)), false, name);
    for (const repository of ['somebody/else', 'domino-x'])
      assert.equal(isEnough(`${A}-7`, repository as Repository), false, repository);
  });

  it('counts for a while', () => {
    const [name, repository] = [`${A}-7`, NEW_REPOSITORY];
    assert.deepEqual(
      [0, 29_999, 30_000, -1].map((ageMs) => isEnough(name, repository, ageMs)),
      [true, true, false, false],
    );
    const place = { repository, tag: tag(name) };
    assert.equal(counts({ ...place, seenAtMs: undefined }, { nowMs: NOW_MS, maxAgeMs: 30_000 }), false);
    assert.equal(counts({ ...place, seenAtMs: NOW_MS }, { nowMs: NOW_MS, maxAgeMs: 0 }), false);
  });

  it('is told with its age', () => {
    assert.equal(
      tellRemembered({ tags: 2, oldestAt: '2026-11-23T09:00:00Z' }, '2026-11-23T10:00:01Z'),
      '2 revisions were not asked for again: what was seen of them up to 1 h 00 min earlier counts. ' +
        '--max-age 0 asks for each again.',
    );
  });
});
