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
  const away = ['--delete', '--yes', '--state-dir', join(site.folder, 'elsewhere')];
  const early = await site.runs(4, away);
  assert.match(early.stderr, /pod docker-registry-cleaner|has set REGISTRY_STORAGE_DELETE_ENABLED/i);

  await first.step('delete');
  const elsewhere = await site.runs(4, away);
  assert.match(elsewhere.stderr, /has set REGISTRY_STORAGE_DELETE_ENABLED/);
  assert.ok(!first.hasEnded, 'the first is still at work');
  assert.equal((await first.ended).code, 0, first.output);
  await site.assertCleaned();
});
