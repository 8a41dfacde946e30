/** Moves the lists whose every tag is gone to `tags/done/`. The delete step has moved most of them already. */
import type { RepositoryPlan } from '../domain/plan.ts';
import { doomedTags } from '../domain/plan.ts';
import { count } from '../domain/text.ts';
import type { Context, Step } from './context.ts';

export const moveDone: Step = {
  key: 'move-done',

  async run(context) {
    let moved = 0;
    let left = 0;
    for (const plan of context.plans.values()) {
      if ((await context.run.lists.read(plan.ref)) === undefined) continue;
      if (await finishList(context, plan)) moved += 1;
      else left += 1;
    }
    return `${count(moved, 'list')} done${left > 0 ? `, ${left} with tags left` : ''}`;
  },
};

/** Moves the list of a repository if all that was to be deleted is gone; tells whether it is there now. */
export async function finishList(context: Context, plan: RepositoryPlan): Promise<boolean> {
  const { repository } = plan.ref;
  if (!doomedTags(plan).every((tag) => context.outcomes.isGone(repository, tag))) return false;
  await context.run.lists.finish(plan.ref);
  return true;
}
