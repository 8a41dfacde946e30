/** Lists a repository and freezes what happens to each of its tags. */
import { inUseOf } from '../domain/in-use.ts';
import type { Tag } from '../domain/names.ts';
import {
  planMissingRepository,
  plannedRevisions,
  planRepository,
  type RepositoryPlan,
  type RepositoryRef,
  revisePlan,
} from '../domain/plan.ts';
import { withNewestAgain } from '../domain/retention.ts';
import type { Context } from './context.ts';
import { contentOf, tagsOf } from './look.ts';

/**
 * Plans one repository, unless the run has done so before: then its plan and its list, which may have been reviewed,
 * stay as they are.
 *
 * The list is written before the plan, so that a plan on disk always has its list.
 *
 * @param on is told how many tags there are, and of each tag that was looked at
 */
export async function planOnce(
  context: Context,
  ref: RepositoryRef,
  on: { listed?: (tags: readonly Tag[]) => void; looked?: () => void } = {},
): Promise<RepositoryPlan> {
  const known = context.plans.get(ref.repository);
  if (known) return known;
  const tags = await tagsOf(context, ref.repository);
  on.listed?.(tags ?? []);
  const plan =
    tags === undefined
      ? planMissingRepository(ref)
      : planRepository(
          await contentOf(context, { ref, tags, ...(on.looked ? { onLooked: on.looked } : {}) }),
          context.run.record.environments,
          {
            unties: context.registry.untagging !== undefined,
            inUse: inUseOf(await context.imagesInUse.now(), ref.repository),
          },
        );
  await context.run.lists.write(plan);
  await context.run.plan.append(plan);
  context.plans.set(ref.repository, plan);
  return plan;
}

/**
 * Keeps what the file retains now, and leaves alone what it no longer names: the listing may have been begun by an
 * earlier start, and goes by the file of that time to its end. Only for a plan that is complete, since the newest
 * revisions are counted over all of it. What is on disk stays as it is.
 */
export function goByFileNow({ plans, environments, run }: Context): void {
  const now = withNewestAgain(environments, {
    entries: run.record.environments,
    planned: plannedRevisions(plans.values()),
  });
  for (const [repository, plan] of plans) plans.set(repository, revisePlan(plan, { environments: now }));
}
