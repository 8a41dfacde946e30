/** Two programs at once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Site } from './support/site.ts';

test('the second is refused, in the same state folder or another, and the first goes on undisturbed', async () => {
  await using site = await Site.open();
  // Until it is let go on, the first run cannot get beyond its first change, whatever the machine's pace.
  await site.sandbox.faults.inject({ fault: 'registryHold', method: 'PUT' });
  const first = site.start(['--delete', '--yes', '--strategy', 'untag-first']);
  await first.step('list-new');
  const here = await site.runs(4, ['--delete', '--yes']);
  assert.match(here.stderr, new RegExp(`process ${first.pid}\\b`));

  // Whoever finds the lease watches until it is renewed.
  const elsewhere = (name: string) => ['--state-dir', join(site.folder, name)];
  const whileListing = site.runs(4, ['--delete', '--yes', ...elsewhere('whileListing')]);
  await first.step('delete');
  const whileDeleting = site.runs(4, ['recover', ...elsewhere('whileDeleting')]);
  const atWork = new RegExp(`Another run is at work on this registry since .*process ${first.pid}\\b`);
  for (const { stderr } of await Promise.all([whileListing, whileDeleting])) assert.match(stderr, atWork);
  assert.ok(!first.hasEnded, 'the first is still at work');
  site.sandbox.faults.clear();
  assert.equal((await first.ended).code, 0, first.output);
  await site.assertCleaned();
});
