/** `--stop-after`: everything is over within the window, and a resume does the rest. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseEvents } from './support/command.ts';
import { runRecord } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';

const WINDOW_MS = 15_000;

describe('a window', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site[Symbol.asyncDispose]());

  test('that is too short is refused; one that ends in mid-delete leaves the rest to --resume', async () => {
    // How long the registry takes to restart nobody knows yet.
    const refused = await site.runs(4, ['--delete', '--yes', '--stop-after', `${WINDOW_MS / 1000}s`]);
    assert.match(refused.stderr, /window of 15s is too short/);
    await site.assertUntouched();
    await site.runs(0, ['--delete', '--yes', '--only', 'legacy']);

    const startedAt = performance.now();
    const command = site.start([
      '--delete',
      '--yes',
      '--stop-after',
      `${WINDOW_MS / 1000}s`,
      '--concurrency',
      '1',
    ]);
    await command.step('delete');
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 700 });
    const ended = await command.ended;
    const tookMs = performance.now() - startedAt;
    assert.equal(ended.code, 3, ended.stdout + ended.stderr);
    assert.ok(tookMs <= WINDOW_MS, `it took ${tookMs} ms`);
    assert.match(ended.stderr, /restarts the registry 2 times; the last ones took \d/);
    assert.match(
      ended.stderr,
      /The window of 15s is over: \d+ tags? deleted, \d+ left\.\nContinue with: .*--resume/,
    );
    const left = parseEvents(ended.stdout).flatMap(({ event, secondsLeft }) =>
      event === 'progress' ? [Number(secondsLeft)] : [],
    );
    assert.ok(left.length > 0);
    assert.deepEqual(
      left,
      left.toSorted((a, b) => b - a),
    );
    await site.assertTidy();
    await site.assertNothingLost();
    assert.equal(runRecord(site.stateDir).stage, 'deleting');

    site.sandbox.faults.clear();
    const resumed = await site.runs(0, ['--resume', '--delete']);
    assert.equal(summaryOf(resumed).failed, 0);
    await site.assertCleaned();
  });
});
