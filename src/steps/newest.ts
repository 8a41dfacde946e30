/** Which revisions exist, and which of them are the newest. */
import type { EnvironmentEntry } from '../domain/environments.ts';
import type { EnvironmentId, Repository, RevisionName, Tag } from '../domain/names.ts';
import { legacyRef, NEW_REPOSITORY_REF, type RepositoryRef, readRevision } from '../domain/plan.ts';
import { lowestOfNewest, withNewest } from '../domain/retention.ts';
import type { Progress } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import type { Context } from './context.ts';
import { type Looker, lookAt, tagsOf } from './look.ts';

/** Repositories for each operation at a time. */
const IN_FLIGHT = 2;

/** A revision, and where it is. */
interface FoundRevision extends RevisionName {
  readonly repository: Repository;
  readonly tag: Tag;
}

/**
 * The revisions of these environments in the repositories of both naming schemes, whether a run is restricted to one of
 * them or not.
 */
export async function existingRevisions(
  context: Looker,
  environments: readonly EnvironmentId[],
): Promise<readonly FoundRevision[]> {
  const wanted = new Set(environments);
  const refs: readonly RepositoryRef[] = [NEW_REPOSITORY_REF, ...[...wanted].map(legacyRef)];
  const found: FoundRevision[] = [];
  await concurrently(refs, context.settings.concurrency * IN_FLIGHT, async (ref) => {
    for (const tag of (await tagsOf(context, ref.repository)) ?? []) {
      const names = readRevision(ref, tag);
      if (names && wanted.has(names.environment)) found.push({ ...names, repository: ref.repository, tag });
    }
  });
  return found;
}

/** Finds out, once for a run, which revisions `latest:N` means; from then on it stands in the run's record. */
export async function settleNewest(
  context: Pick<Context, 'run'> & Looker,
  progress: Pick<Progress, 'status'>,
): Promise<void> {
  const open = context.run.record.environments.filter(
    ({ latest, keepFrom }) => latest !== undefined && keepFrom === undefined,
  );
  if (open.length === 0) return;
  progress.status('finding out which revisions are the newest');
  const found = await existingRevisions(
    context,
    open.map(({ id }) => id),
  );
  const byEnvironment = Map.groupBy(found, ({ environment }) => environment);
  const keepFrom = new Map<EnvironmentId, number>();
  await concurrently(open, context.settings.concurrency, async (entry) => {
    const revisions = byEnvironment.get(entry.id) ?? [];
    keepFrom.set(entry.id, await lowestOfReadable(context, entry, revisions));
  });
  await context.run.update((record) => ({
    ...record,
    environments: withNewest(record.environments, keepFrom),
  }));
}

/** A tag that the registry has no manifest for is no revision that one could go back to: it does not count. */
async function lowestOfReadable(
  context: Looker,
  { latest = 0 }: EnvironmentEntry,
  revisions: readonly FoundRevision[],
): Promise<number> {
  const byNumber = Map.groupBy(revisions, ({ revision }) => revision);
  const readable: number[] = [];
  for (const number of [...byNumber.keys()].sort((a, b) => b - a)) {
    if (readable.length >= latest) break;
    for (const { repository, tag } of byNumber.get(number) ?? []) {
      const { state } = await lookAt(context, repository, tag);
      if (state !== 'found' && state !== 'untied') continue;
      readable.push(number);
      break;
    }
  }
  return lowestOfNewest(readable, latest);
}
