/** Bringing back what a run has deleted: which tags, and what has become of each of them. */
import {
  type Digest,
  type EnvironmentId,
  legacyRepository,
  NEW_REPOSITORY,
  type Repository,
  type RevisionName,
  type Tag,
} from './names.ts';
import type { Outcomes } from './outcome.ts';
import { type RepositoryPlan, readRevision } from './plan.ts';
import type { Indexes, PlannedTag } from './planned-tag.ts';
import { subjectOf } from './referrers.ts';

/** A tag to be put back, and what it stood for. */
export interface LostTag {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly digest: Digest;
}

/** Which of a run's tags are wanted; without limits all of them. */
export interface Wanted {
  readonly only?: 'new' | 'legacy' | undefined;
  /** Empty: all. */
  readonly environments: readonly EnvironmentId[];
}

interface Choice {
  /** In the order in which they were saved. */
  readonly tags: readonly LostTag[];
  /** Saved entries that are none of this run's plan, or are no names that it may have deleted. */
  readonly foreign: number;
  /** Environments that were asked for, and of which the run has deleted nothing. */
  readonly absent: readonly EnvironmentId[];
}

/**
 * Which tags to put back: what a run has saved, as far as its own plan dooms just that, and its journal does not say that
 * it was left alone. Nothing is put back but the tags of revisions, and what belonged to an image in the same plan.
 */
export function chooseLost(
  saved: readonly LostTag[],
  run: { readonly plans: readonly RepositoryPlan[]; readonly outcomes: Outcomes },
  wanted: Wanted,
): Choice {
  const plans = new Map(run.plans.map((plan) => [plan.ref.repository, new DoomedTags(plan)]));
  const found = new Set<EnvironmentId>();
  const environments = new Set(wanted.environments);
  const judged = saved.map((lost) => ({
    lost,
    doomed: plans.get(lost.repository)?.find(lost),
    isLeft: run.outcomes.of(lost.repository, lost.tag)?.outcome === 'drifted',
  }));
  const revisions = new Map<Repository, Set<Digest>>();
  for (const { lost, doomed, isLeft } of judged) {
    if (doomed?.names === undefined || isLeft) continue;
    found.add(doomed.names.environment);
    if (environments.size > 0 && !environments.has(doomed.names.environment)) continue;
    revisions.set(lost.repository, (revisions.get(lost.repository) ?? new Set()).add(lost.digest));
  }
  const belonging = new Map(
    [...plans].map(([repository, plan]) => [repository, plan.belongingTo(revisions.get(repository))]),
  );
  const tags = judged.flatMap(({ lost, doomed, isLeft }) => {
    if (doomed === undefined || isLeft || !isOfScheme(lost, wanted.only)) return [];
    const { names } = doomed;
    const isWanted =
      environments.size === 0 ||
      (names === undefined
        ? belonging.get(lost.repository)?.has(lost.tag)
        : environments.has(names.environment));
    return isWanted ? [lost] : [];
  });
  return {
    tags,
    foreign: judged.filter(({ doomed }) => doomed === undefined).length,
    absent: wanted.environments.filter((environment) => !found.has(environment)),
  };
}

function isOfScheme({ repository }: LostTag, only: Wanted['only']): boolean {
  return only === undefined || (only === 'new') === (repository === NEW_REPOSITORY);
}

/** A tag that a plan dooms: of a revision, or belonging to what goes. */
interface Doomed {
  readonly names: RevisionName | undefined;
  readonly subject: Digest | undefined;
  readonly digest: Digest;
}

/** What a plan dooms in a repository. The plan comes from a file: its names are judged anew. */
class DoomedTags {
  readonly #tags: ReadonlyMap<Tag, Doomed>;
  readonly #indexes: Indexes;

  constructor({ ref, tags, indexes }: RepositoryPlan) {
    const expected = ref.scheme === 'new' ? NEW_REPOSITORY : legacyRepository(ref.environment);
    this.#indexes = indexes;
    this.#tags = new Map(
      ref.repository === expected ? tags.flatMap((planned) => doomedOf(ref, planned)) : [],
    );
  }

  find({ tag, digest }: LostTag): Doomed | undefined {
    const doomed = this.#tags.get(tag);
    return doomed?.digest === digest ? doomed : undefined;
  }

  /** The tags of what belongs to these images, to what indexes among them list, and to what belongs to that. */
  belongingTo(images: ReadonlySet<Digest> = new Set()): ReadonlySet<Tag> {
    const reached = new Set(images);
    const belonging = new Set<Tag>();
    const bySubject = Map.groupBy(this.#tags, ([, { subject }]) => subject);
    // A set that grows while it is gone through is gone through to its end.
    for (const image of reached) {
      for (const child of this.#indexes[image] ?? []) reached.add(child);
      for (const [tag, { digest }] of bySubject.get(image) ?? []) {
        belonging.add(tag);
        reached.add(digest);
      }
    }
    return belonging;
  }
}

function doomedOf(
  ref: RepositoryPlan['ref'],
  { tag, fate, digest, subject }: PlannedTag,
): (readonly [Tag, Doomed])[] {
  if (fate !== 'delete' || digest === undefined) return [];
  const names = readRevision(ref, tag);
  const belongs = subject !== undefined && subjectOf(tag) === subject;
  return names !== undefined || belongs
    ? [[tag, { names, digest, subject: belongs ? subject : undefined }]]
    : [];
}

/**
 * What has become of a tag.
 *
 * - `restored`: it stands for its image again, and this is whole
 * - `there`: as `restored`, but it did so before
 * - `pushedSince`: it stands for something else now, and was left alone
 * - `incomplete`: something that its image needs is gone, such as layers that were collected; it was not put back
 * - `failed`: the registry would not have it
 */
type Undone = 'restored' | 'there' | 'pushedSince' | 'incomplete' | 'failed';

/** What `undo` tells of a tag. */
export interface UndoEntry extends LostTag {
  readonly outcome: Undone;
  /** What is gone of what its image needs. */
  readonly missing?: readonly Digest[];
  /** Why it failed, or what is gone. */
  readonly reason?: string;
  /** Restored, or there, as far as the registry itself can tell: an object store behind it was not asked. */
  readonly unproven?: true;
}

/** What an undo has come to. Counts are tags. */
export interface UndoFigures extends Readonly<Record<Undone, number>> {
  /** All that were to be put back. */
  readonly tags: number;
  /** Of those that are restored or there, whose layers an object store alone could vouch for. */
  readonly unproven: number;
}

export function countUndone(tags: number, entries: readonly UndoEntry[]): UndoFigures {
  const counts = { restored: 0, there: 0, pushedSince: 0, incomplete: 0, failed: 0 };
  for (const { outcome } of entries) counts[outcome] += 1;
  return { tags, ...counts, unproven: entries.filter(({ unproven }) => unproven).length };
}

/** The closing object of an undo. */
export interface UndoSummary extends UndoFigures {
  readonly event: 'summary';
  readonly mode: 'undo';
  readonly exitCode: number;
  /** The run that was undone; empty when it was not found. */
  readonly run: string;
  readonly durationMs: number;
}
