/** A second look at a whole repository, before a plan is executed that was made a while ago. */
import { type RepositoryPlan, revisePlan } from '../domain/plan.ts';
import type { Context } from './context.ts';
import { contentOf, tagsOf } from './look.ts';

/**
 * The plan, made smaller by what has happened since: tags that were pushed, or that stay and have moved, protect what
 * they stand for now. The doomed tags themselves are looked at one by one, immediately before each is deleted.
 */
export async function refreshPlan(context: Context, plan: RepositoryPlan): Promise<RepositoryPlan> {
  if (!plan.exists) return plan;
  const tags = await tagsOf(context, plan.ref.repository);
  if (tags === undefined) return plan;
  const doomed = new Set(plan.tags.filter(({ fate }) => fate === 'delete').map(({ tag }) => tag));
  const live = await contentOf(context, { ref: plan.ref, tags: tags.filter((tag) => !doomed.has(tag)) });
  return revisePlan(plan, { live });
}
