/** Lists a repository and freezes what happens to each of its tags. */
import { inUseOf } from '../domain/in-use.ts';
import type { Tag } from '../domain/names.ts';
import {
  planMissingRepository,
  planRepository,
  type RepositoryPlan,
  type RepositoryRef,
} from '../domain/plan.ts';
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
