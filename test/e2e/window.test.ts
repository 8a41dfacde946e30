/** `--stop-after`: everything is over within the window, and a resume does the rest. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseEvents } from './support/command.ts';
import { runRecord } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';

async function timed<Result>(action: () => Promise<Result>): Promise<{ result: Result; tookMs: number }> {
  const startedAt = performance.now();
  const result = await action();
  return { result, tookMs: performance.now() - startedAt };
}

describe('a window', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site[Symbol.asyncDispose]());

  test('that is too short is refused; one that ends in mid-delete leaves the rest to --resume', async () => {
    // How long the registry takes to restart nobody knows yet.
    const refused = await site.runs(4, ['--delete', '--yes', '--stop-after', '4m']);
    assert.match(refused.stderr, /window of 4m is too short/);
    await site.assertUntouched();
    // That gives the pace of this machine, such as it is now, and is what the program learns the restarts from.
    const { tookMs: paceMs } = await timed(() => site.runs(0, ['--delete', '--yes', '--only', 'legacy']));

    // Time for a whole run that is twice as slow; but to delete so much would alone take longer.
    const seconds = Math.ceil((3 * paceMs) / 1000);
    const slow = { fault: 'registrySlow', delayMs: Math.ceil((seconds * 1000) / 20) } as const;
    const { result: ended, tookMs } = await timed(async () => {
      const args = ['--delete', '--yes', '--stop-after', `${seconds}s`, '--concurrency', '1'];
      const command = site.start(args);
      await command.step('delete');
      await site.sandbox.faults.inject(slow);
      return await command.ended;
    });
    assert.equal(ended.code, 3, ended.stdout + ended.stderr);
    assert.ok(tookMs <= seconds * 1000, `it took ${tookMs} ms of ${seconds} s`);
    assert.match(ended.stderr, /restarts the registry 2 times; the last ones took \d/);
    const told = `The window of ${seconds}s is over: \\d+ tags? deleted, \\d+ left\\.\\nContinue with: .*--resume`;
    assert.match(ended.stderr, new RegExp(told));
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
