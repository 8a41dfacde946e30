/** Two programs at once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Site } from './support/site.ts';

test('the second is refused, in the same state folder or another, and the first goes on undisturbed', async () => {
  await using site = await Site.open();
  await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 60 });
  const first = site.start(['--delete', '--yes', '--concurrency', '2']);
  await first.step('list-new');
  const here = await site.runs(4, ['--delete', '--yes']);
  assert.match(here.stderr, new RegExp(`process ${first.pid}\\b`));
  const atWork = new RegExp(`Another run is at work on this registry since .*process ${first.pid}\\b`);
  const away = ['--delete', '--yes', '--state-dir', join(site.folder, 'elsewhere')];
  const early = await site.runs(4, away);
  assert.match(early.stderr, atWork);

  // Whoever finds the lease watches until it is renewed: so long the first run has to be at work.
  await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 3000 });
  await first.step('delete');
  const recover = await site.runs(4, ['recover', '--state-dir', join(site.folder, 'elsewhere')]);
  assert.match(recover.stderr, atWork);
  site.sandbox.faults.clear();
  assert.ok(!first.hasEnded, 'the first is still at work');
  assert.equal((await first.ended).code, 0, first.output);
  await site.assertCleaned();
});
