/** Lists `dominodatalab/environment`, where the newer naming scheme keeps the revisions of every environment. */
import { doomedTags, NEW_REPOSITORY_REF } from '../domain/plan.ts';
import { count } from '../domain/text.ts';
import type { Step } from './context.ts';
import { planOnce } from './list.ts';
import { settleNewest } from './newest.ts';

export const listNew: Step = {
  key: 'list-new',

  skip: ({ run }) => (run.record.only === 'legacy' ? '--only legacy' : undefined),

  async run(context, progress) {
    await settleNewest(context, progress);
    let total = 0;
    let done = 0;
    const plan = await planOnce(context, NEW_REPOSITORY_REF, {
      listed: (tags) => {
        total = tags.length;
      },
      looked: () => {
        done += 1;
        progress.update({ done, total, text: 'digests resolved' });
      },
    });
    if (!plan.exists) return `there is no repository ${plan.ref.repository}`;
    return `${count(plan.tags.length, 'tag')}, ${doomedTags(plan).length} to delete`;
  },
};
