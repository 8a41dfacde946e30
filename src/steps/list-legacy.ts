/** Lists `domino-<environmentId>` for each environment, as the older naming scheme has it. */
import { doomedTags, legacyRef } from '../domain/plan.ts';
import { count } from '../domain/text.ts';
import { concurrently } from './concurrently.ts';
import type { Step } from './context.ts';
import { planOnce } from './list.ts';
import { settleNewest } from './newest.ts';

/** Repositories for each operation at a time: enough that small ones do not wait for one another. */
const IN_FLIGHT = 2;

export const listLegacy: Step = {
  key: 'list-legacy',

  skip: ({ run }) => (run.record.only === 'new' ? '--only new' : undefined),

  async run(context, progress) {
    await settleNewest(context, progress);
    const refs = context.run.record.environments.map(({ id }) => legacyRef(id));
    let done = 0;
    await concurrently(refs, context.settings.concurrency * IN_FLIGHT, async (ref) => {
      await planOnce(context, ref);
      done += 1;
      progress.update({ done, total: refs.length, text: 'repositories listed' });
    });
    const plans = refs.flatMap((ref) => context.plans.get(ref.repository) ?? []);
    const missing = plans.filter((plan) => !plan.exists).length;
    const doomed = plans.reduce((sum, plan) => sum + doomedTags(plan).length, 0);
    return `${count(plans.length - missing, 'repository', 'repositories')}, ${missing} not there, ${doomed} to delete`;
  },
};
