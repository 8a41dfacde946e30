/**
 * How a repository is rid of its doomed tags. Deleting a manifest costs Docker Distribution one read of every tag that
 * is left in the repository, to find those on it (`tagStore.Lookup`); so where much is deleted from a large repository
 * it pays to untie the doomed tags first, each at a fixed cost, and then to delete manifests from a repository in which
 * only the kept tags are left.
 */
import type { Deletion, RepositoryPlan } from './plan.ts';
import { tagsPerLedger } from './untagging.ts';

/**
 * - `by-digest`: every manifest is deleted, and the tags on it with it
 * - `untag-first`: the tags are untied, then the manifests deleted
 */
export const strategies = ['by-digest', 'untag-first'] as const;
export type Strategy = (typeof strategies)[number];

/** What untying one tag costs, in reads of a tag: it writes a link and its index entry, and looks at what it points to. */
const UNTYING_IN_READS = 20;
/** What a ledger costs beside its tags: to be found out about, written, and removed. */
const LEDGER_IN_READS = 200;

/** The cheaper strategy for so many `manifests` with so many `doomed` tags, of so many `tags` in the repository. */
export function cheaperStrategy(given: { tags: number; doomed: number; manifests: number }): Strategy {
  const { tags, doomed, manifests } = given;
  const kept = tags - doomed;
  const byDigest = manifests * (kept + doomed / 2);
  const ledgers = Math.ceil(doomed / tagsPerLedger(doomed));
  const untagFirst = doomed * UNTYING_IN_READS + ledgers * (tags + LEDGER_IN_READS) + manifests * kept;
  return untagFirst < byDigest ? 'untag-first' : 'by-digest';
}

/** What the plan for a repository deletes, by how it is done. */
export interface Division {
  /** Their tags are untied first. */
  readonly untie: readonly Deletion[];
  /** Their manifests are deleted at once. */
  readonly direct: readonly Deletion[];
}

/**
 * Divides deletions of a plan. A manifest that stays can only be spared by untying.
 *
 * @param wanted overrides the choice by cost
 */
export function divide(
  plan: RepositoryPlan,
  deletions: readonly Deletion[],
  wanted: Strategy | undefined,
): Division {
  if (!plan.unties) return { untie: [], direct: deletions };
  const doomed = deletions.reduce((sum, { tags }) => sum + tags.length, 0);
  const strategy = wanted ?? cheaperStrategy({ tags: plan.tags.length, doomed, manifests: deletions.length });
  if (strategy === 'untag-first') return { untie: deletions, direct: [] };
  return {
    untie: deletions.filter((deletion) => deletion.manifestStays !== undefined),
    direct: deletions.filter((deletion) => deletion.manifestStays === undefined),
  };
}
