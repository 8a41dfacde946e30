/** Two programs in one state folder. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Site } from './support/site.ts';

test('the second is refused, and the first goes on undisturbed', async () => {
  await using site = await Site.open();
  const first = site.start(['--delete', '--yes']);
  await first.step('list-new');
  const second = await site.runs(4, ['--delete', '--yes']);
  assert.match(second.stderr, new RegExp(`process ${first.pid}\\b`));
  assert.equal((await first.ended).code, 0, first.output);
  await site.assertCleaned();
});
