/**
 * Which revisions of an environment stay. `latest:3` in the file means the newest three by number of all that exist, in
 * both naming schemes together. Which these are is found out once for a run and kept as the lowest number of them:
 * whatever is built later has a higher one, and stays as well.
 */
import type { EnvironmentEntry } from './environments.ts';
import type { EnvironmentId, RevisionName } from './names.ts';

/**
 * Why the revision stays; `undefined` when it need not. As long as it is not known which are the newest, all of them
 * stay.
 */
export function whyRetained(entry: EnvironmentEntry, revision: number): string | undefined {
  if (entry.retain.includes(revision)) return 'named in the file';
  if (entry.latest === undefined || revision < (entry.keepFrom ?? 0)) return undefined;
  return `among the newest ${entry.latest}`;
}

/** The lowest of the newest so many numbers; 1 when there are no more than these, so that all of them count. */
export function lowestOfNewest(revisions: Iterable<number>, newest: number): number {
  return [...new Set(revisions)].sort((a, b) => b - a)[newest - 1] ?? 1;
}

/** The entries with what has been found out of the newest revisions. What was found out before stays as it was. */
export function withNewest(
  entries: readonly EnvironmentEntry[],
  keepFrom: ReadonlyMap<EnvironmentId, number>,
): readonly EnvironmentEntry[] {
  return entries.map((entry) => {
    const found = keepFrom.get(entry.id);
    const isOpen = entry.latest !== undefined && entry.keepFrom === undefined;
    return isOpen && found !== undefined ? { ...entry, keepFrom: found } : entry;
  });
}

/**
 * The file as it is now, for a run that goes on. Where it asks for no more of the newest than when the run began, these
 * are the same as then. Otherwise they are counted among the planned tags: of two numbers the lower one counts, so that
 * the plan only gets smaller.
 */
export function withNewestAgain(
  entries: readonly EnvironmentEntry[],
  before: { readonly entries: readonly EnvironmentEntry[]; readonly planned: Iterable<RevisionName> },
): readonly EnvironmentEntry[] {
  if (entries.every(({ latest }) => latest === undefined)) return entries;
  const planned = Map.groupBy(before.planned, ({ environment }) => environment);
  const earlier = new Map(before.entries.map((entry) => [entry.id, entry]));
  return entries.map((entry) => {
    const { id, latest } = entry;
    if (latest === undefined) return entry;
    const { latest: latestBefore = 0, keepFrom: keptFrom } = earlier.get(id) ?? {};
    const revisions = (planned.get(id) ?? []).map(({ revision }) => revision);
    const counted = latest <= latestBefore ? [] : [lowestOfNewest(revisions, latest)];
    const lowest = Math.min(...counted, ...(keptFrom === undefined ? [] : [keptFrom]));
    return Number.isFinite(lowest) ? { ...entry, keepFrom: lowest } : entry;
  });
}
