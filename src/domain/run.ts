/**
 * A run: one pass over the steps, over as many resumes as it takes. Here are its record, as it stands on disk, and its
 * legal moves.
 */
import type { EnvironmentEntry } from './environments.ts';
import { RefusedError, UsageError } from './errors.ts';
import type { SpaceEstimate } from './estimate.ts';
import type { Figures } from './outcome.ts';
import type { Holding, Reclaimed } from './reclaim.ts';
import type { VerifyFigures } from './verify.ts';

/** The steps, in their order. */
export const stepKeys = [
  'deploy-pod',
  'verify-layout',
  'list-new',
  'list-legacy',
  'enable-delete',
  'delete',
  'move-done',
  'make-read-only',
  'collect-garbage',
  'make-writable',
  'disable-delete',
  'verify',
  'teardown',
] as const;
export type StepKey = (typeof stepKeys)[number];

/** Which of the two naming schemes a run is restricted to. */
type Only = 'new' | 'legacy';

/** How far a step has come. Its start is on disk before it begins, its end before the next one begins. */
export interface StepRecord {
  readonly state: 'running' | 'done' | 'failed';
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt?: string;
  /** What it found, or why it failed. */
  readonly note?: string;
}

/**
 * How far a run has come.
 *
 * - `listing`: its plan is not complete
 * - `reviewed`: its plan is complete; nothing has been changed
 * - `deleting`: it has begun to enable deletion
 * - `incomplete`: it has ended and the registry's setting is as before, but some tags could not be deleted, or the check
 *   in the end has found something lost
 * - `finished`
 * - `given-up`: a new run has taken its place
 */
export type Stage = 'listing' | 'reviewed' | 'deleting' | 'incomplete' | 'finished' | 'given-up';

const moves: Readonly<Record<Stage, readonly Stage[]>> = {
  listing: ['reviewed', 'given-up'],
  reviewed: ['deleting', 'finished', 'given-up'],
  deleting: ['incomplete', 'finished', 'given-up'],
  incomplete: ['deleting', 'finished', 'given-up'],
  finished: [],
  'given-up': [],
};

/** A run's ID begins with its start's time, so that IDs sort by age. */
const RUN_ID = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;

export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

export function isStage(value: unknown): value is Stage {
  return typeof value === 'string' && Object.hasOwn(moves, value);
}

/** What a run is bound to; it is never continued against anything else. */
export interface Binding {
  /** UID of the namespace `kube-system`; empty for a registry that is reached without a cluster. */
  readonly clusterUid: string;
  readonly context: string;
  readonly namespace: string;
  readonly workload: string;
  readonly registry: string;
}

/** How long the registry took to restart, in milliseconds. */
export interface RestartTimes {
  /** With deletion enabled. */
  readonly enablingMs?: number;
  /** With its setting put back. */
  readonly restoringMs?: number;
}

/** What the history tells of a run. Counts are tags. */
export type RunFigures = Pick<Figures, 'planned' | 'deleted' | 'alreadyGone' | 'failed' | 'drifted'> &
  VerifyFigures;

export interface RunRecord {
  readonly schema: 1;
  readonly id: string;
  /** `user@host` of who began it; records of early versions do not say. */
  readonly by?: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly stage: Stage;
  /** Begun, or continued, with `--delete`. */
  readonly deleting: boolean;
  /** The person has agreed to the deletion (typed, or with `--yes`). */
  readonly confirmed: boolean;
  readonly allowAbsent: boolean;
  readonly only?: Only;
  /** `undefined` until the cluster has been asked. */
  readonly binding?: Binding;
  /** The file's entries when the run began. */
  readonly environments: readonly EnvironmentEntry[];
  readonly steps: Readonly<Partial<Record<StepKey, StepRecord>>>;
  /** SHA-256 of the frozen plan's file, hex. */
  readonly planSha256?: string;
  readonly restarts?: RestartTimes;
  /** What it had come to when the latest start ended; `undefined` while one is at work, or was killed. */
  readonly figures?: RunFigures;
  /** What its review said that deleting will free. */
  readonly estimate?: SpaceEstimate;
  /** Begun, or continued, with `--reclaim`. */
  readonly reclaim?: boolean;
  /** What the registry's storage held before garbage was collected, until that is over. */
  readonly beforeReclaim?: Holding;
  /** What collecting garbage has freed, once it is over. */
  readonly reclaimed?: Reclaimed;
  /**
   * ISO 8601: when collecting garbage began, by this run or another. From then on nothing can be taken back of what it had
   * deleted.
   */
  readonly reclaimedAt?: string;
  /** It has gone on deleting after that. */
  readonly deletedSince?: true;
}

/**
 * How long the registry took to restart in the newest of these runs that have restarted it: the same workload of the same
 * cluster.
 *
 * @param runs the newest first
 */
export function lastRestarts(
  runs: readonly RunRecord[],
  { clusterUid, namespace, workload }: Binding,
): RestartTimes {
  const known = runs
    .filter(({ binding }) => binding?.clusterUid === clusterUid && binding.namespace === namespace)
    .filter(({ binding }) => binding?.workload === workload)
    .map(({ restarts }) => restarts ?? {});
  const enablingMs = known.find((each) => each.enablingMs !== undefined)?.enablingMs;
  const restoringMs = known.find((each) => each.restoringMs !== undefined)?.restoringMs;
  return {
    ...(enablingMs !== undefined && { enablingMs }),
    ...(restoringMs !== undefined && { restoringMs }),
  };
}

/** The run in another stage. @throws Error for a move that is a defect of the program. */
export function moveTo(run: RunRecord, stage: Stage): RunRecord {
  if (run.stage === stage) return run;
  if (!moves[run.stage].includes(stage)) throw new Error(`A run cannot move from ${run.stage} to ${stage}.`);
  return { ...run, stage };
}

/** The run as it begins to delete, or goes on with it. */
export function beginDeleting(run: RunRecord): RunRecord {
  const begun = moveTo(run, 'deleting');
  return run.reclaimedAt === undefined ? begun : { ...begun, deletedSince: true };
}

/** `--resume` continues it. */
export function isResumable(run: RunRecord): boolean {
  return run.stage !== 'finished' && run.stage !== 'given-up';
}

/** What a start does with the run that was there before. */
export type Start =
  | { readonly action: 'begin' }
  /** Begin a new run in place of one that has changed nothing, or nothing that is still changed. */
  | { readonly action: 'replace' }
  /** Restore the registry first, then begin a new run. */
  | { readonly action: 'give-up' }
  | { readonly action: 'resume' };

/**
 * Decides what a start does.
 *
 * @throws UsageError when there is nothing to resume, or `--resume` and `--fresh` are given both
 * @throws RefusedError when an unfinished run must not be passed over silently
 */
export function decideStart(given: {
  latest: RunRecord | undefined;
  /** The latest run's lists differ from what its plan says. */
  listsEdited: boolean;
  resume: boolean;
  fresh: boolean;
}): Start {
  const { latest, resume, fresh } = given;
  if (resume && fresh) throw new UsageError('--resume and --fresh contradict each other: give one of them.');
  const open = latest !== undefined && isResumable(latest) ? latest : undefined;
  if (resume) {
    if (open) return { action: 'resume' };
    throw new UsageError('There is no unfinished run to resume.', {
      next: 'Start without --resume, or name the right folder with --state-dir.',
    });
  }
  if (!open) return { action: 'begin' };
  if (fresh) return { action: open.stage === 'deleting' ? 'give-up' : 'replace' };
  const choices = '--resume continues it; --fresh gives it up';
  if (open.stage === 'deleting')
    throw new RefusedError(`Run ${open.id} has begun to delete and is not finished.`, {
      next: `${choices}, which first puts the registry's setting back. (For another cluster use another --state-dir.)`,
    });
  if (given.listsEdited)
    throw new RefusedError(`The lists of run ${open.id} have been edited and not been used yet.`, {
      next: `${choices}, with your edits.`,
    });
  return { action: 'replace' };
}

/** A step, as a word in a sentence and the titles of the list. */
export const stepTitles: Readonly<Record<StepKey, string>> = {
  'deploy-pod': 'deploy pod',
  'verify-layout': 'verify layout',
  'list-new': 'list new-repo tags',
  'list-legacy': 'list legacy tags',
  'enable-delete': 'enable delete',
  delete: 'delete',
  'move-done': 'move to tags/done',
  'make-read-only': 'make read-only',
  'collect-garbage': 'collect garbage',
  'make-writable': 'make writable',
  'disable-delete': 'disable delete',
  verify: 'verify',
  teardown: 'teardown',
};

/**
 * Holds a run against where it would be continued.
 *
 * @throws RefusedError when it is another cluster, registry, namespace or workload
 */
export function requireSameBinding(
  run: RunRecord,
  actual: Binding,
  next = 'Resume it with the options it was begun with, or use another --state-dir for this one.',
): void {
  const bound = run.binding;
  if (bound === undefined) return;
  const names = {
    clusterUid: 'cluster (UID of kube-system)',
    registry: 'registry',
    namespace: 'namespace',
    workload: 'workload',
  } as const;
  for (const key of Object.keys(names) as (keyof typeof names)[]) {
    if (bound[key] === actual[key]) continue;
    throw new RefusedError(
      `Run ${run.id} belongs to another ${names[key]}: ${bound[key]} (context ${bound.context}), not ${actual[key]}.`,
      { next },
    );
  }
}
