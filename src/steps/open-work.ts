/** What a plan leaves to be done. */
import type { Tag } from '../domain/names.ts';
import type { Outcomes } from '../domain/outcome.ts';
import { type Deletion, deletionsOf, type RepositoryPlan } from '../domain/plan.ts';

/** The deletions of a repository that are still to be done, with the tags that have no outcome yet. */
export function openDeletions(outcomes: Outcomes, plan: RepositoryPlan): readonly Deletion[] {
  return deletionsOf(plan)
    .map((deletion) => ({
      ...deletion,
      tags: deletion.tags.filter((tag) => !outcomes.isSettled(deletion.repository, tag)),
    }))
    .filter((deletion) => deletion.tags.length > 0);
}

/** The ledgers in a repository that are still to be worked off: other runs', and those that this run has begun. */
export function openLedgers(outcomes: Outcomes, { ref, ledgers }: RepositoryPlan): readonly Tag[] {
  const { repository } = ref;
  const begun = outcomes.ledgers(repository);
  return [...new Set([...ledgers, ...begun])].filter((marker) => !outcomes.isSettled(repository, marker));
}

/** Something is left to be done in the repository. */
export function hasOpenWork(outcomes: Outcomes, plan: RepositoryPlan): boolean {
  return openDeletions(outcomes, plan).length > 0 || openLedgers(outcomes, plan).length > 0;
}
