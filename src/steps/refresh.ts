/** A second look at a whole repository, before a plan is executed that was made a while ago. */

import { inUseOf } from '../domain/in-use.ts';
import type { Digest, Tag } from '../domain/names.ts';
import { type RepositoryContent, type RepositoryPlan, revisePlan } from '../domain/plan.ts';
import type { Indexes } from '../domain/planned-tag.ts';
import type { Context } from './context.ts';
import { contentOf, tagsOf } from './look.ts';

export interface Refreshed {
  /**
   * The plan, made smaller by what has happened since: tags that were pushed, or that stay and have moved, protect what
   * they stand for now.
   */
  readonly revised: RepositoryPlan;
  /** The doomed tags that no longer stand for the planned manifest, each with what it stands for now. */
  readonly moved: ReadonlyMap<Tag, Digest>;
  /** What every index among all these lists. */
  readonly indexes: Indexes;
  /** The repository as it is now; `undefined` when there is none. */
  readonly live: RepositoryContent | undefined;
}

/**
 * Holds a plan against its repository as it is now. The doomed tags are looked at as well, although each of them is
 * looked at again immediately before it is deleted: one that moved may need what would be deleted before its turn.
 */
export async function refreshPlan(
  context: Context,
  plan: RepositoryPlan,
  given: { readonly onLooked?: () => void; readonly finished?: ReadonlySet<Tag> } = {},
): Promise<Refreshed> {
  const tags = plan.exists ? await tagsOf(context, plan.ref.repository) : undefined;
  if (tags === undefined) return { revised: plan, moved: new Map(), indexes: plan.indexes, live: undefined };
  const live = await contentOf(context, { ref: plan.ref, tags, ...given });
  const moved = plan.tags.flatMap(({ tag, digest, fate }) => {
    const now = live.tags.get(tag);
    if (fate !== 'delete' || now === undefined || live.untied?.has(tag)) return [];
    // One that was left alone, or is there again, needs what it stands for, be that what the plan knew.
    return now === digest && !context.outcomes.isSettled(plan.ref.repository, tag)
      ? []
      : [[tag, now] as const];
  });
  const inUse = inUseOf(await context.imagesInUse.now(), plan.ref.repository);
  return { revised: revisePlan(plan, { live, inUse }), moved: new Map(moved), indexes: live.indexes, live };
}
