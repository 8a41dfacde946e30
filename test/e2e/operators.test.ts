/** Two operators at once; `npm run ordeal -- operators` is the long version. */
import { test } from 'node:test';
import { startTwoAtOnce } from './support/operators.ts';
import { Site } from './support/site.ts';

test('of two runs that start at once, one works, and one is refused', async () => {
  await using site = await Site.open();
  await startTwoAtOnce(site);
});
