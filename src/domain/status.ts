/** What `status` finds, and how it is told: a line for each thing, whatever became of the others. */
import { formatDuration } from './progress.ts';
import type { Stage } from './run.ts';
import { count, plainText } from './text.ts';

/** What was found out, or why it was not. */
export type Finding<T> = T | { readonly unknown: string };

export interface RunStatus {
  readonly id: string;
  readonly stage: Stage;
  /** ISO 8601. */
  readonly since: string;
  /** `user@host` of who began it. */
  readonly by?: string;
  readonly planned: number;
  readonly deleted: number;
  readonly folder: string;
}

export interface RegistryStatus {
  /** `StatefulSet docker-registry in namespace domino-platform`. */
  readonly workload: string;
  /** What its template says. */
  readonly deletionEnabled: boolean;
  readonly readOnly: boolean;
  /** The run that has changed the setting, and has not put it back. */
  readonly changedBy?: { readonly run: string; readonly by: string; readonly since: string };
  readonly rollout: Finding<{ readonly over: boolean; readonly waitingFor?: string }>;
}

export interface PodStatus {
  readonly name: string;
  /** Empty when it is not ours. */
  readonly run: string;
  readonly phase: string;
  readonly terminating: boolean;
  readonly ageSeconds: number;
}

/** Who holds the lease. Times are by the holder's clock, which need not agree with this one. */
export interface LeaseStatus {
  readonly run: string;
  readonly by: string;
  readonly host: string;
  readonly pid: number;
  /** ISO 8601, as `renewedAt`. */
  readonly since: string;
  readonly renewedAt: string;
}

export interface Status {
  /** ISO 8601. */
  readonly at: string;
  /** The unfinished run of the state folder, and the process that has the folder locked. */
  readonly local: Finding<{ readonly run?: RunStatus; readonly process?: number }>;
  readonly registry: Finding<RegistryStatus>;
  /** The pod of this program. */
  readonly pod: Finding<{ readonly there?: PodStatus }>;
  readonly lease: Finding<{ readonly held?: LeaseStatus }>;
  readonly openUploads: Finding<{ readonly count: number }>;
}

/** For people. */
export function tellStatus(status: Status): string {
  return [
    `Run:      ${tell(status.local, tellLocal)}`,
    `Registry: ${tell(status.registry, tellRegistry)}`,
    `Pod:      ${tell(status.pod, tellPod)}`,
    `Lease:    ${tell(status.lease, tellLease)}`,
    `Uploads:  ${tell(status.openUploads, ({ count }) => (count === 0 ? 'none is open.' : `${count} open, or given up by their clients.`))}`,
    ...advice(status),
  ].join('\n');
}

/** What to do about a setting that nobody seems to be putting back. */
function advice({ local, registry }: Status): string[] {
  const isLeft = 'changedBy' in registry && !('process' in local);
  return isLeft
    ? ['If that run is not at work elsewhere, put the setting back with: npm run clean -- recover']
    : [];
}

function tell<T extends object>(finding: Finding<T>, known: (found: T) => string): string {
  return plainText('unknown' in finding ? `cannot be known: ${finding.unknown}` : known(finding), 1000);
}

const stages: Readonly<Record<Stage, string>> = {
  listing: 'is making its plan',
  reviewed: 'has made its plan, and changed nothing',
  deleting: 'has begun to delete',
  incomplete: 'has ended with tags that could not be deleted',
  finished: 'is finished',
  'given-up': 'was given up',
};

function tellLocal({ run, process }: { run?: RunStatus; process?: number }): string {
  const worker = process === undefined ? '' : `; process ${process} is at work`;
  if (run === undefined) return `none is unfinished in the state folder${worker}.`;
  const by = run.by === undefined ? '' : ` by ${run.by}`;
  const idle = process === undefined ? '; nobody is at work on it' : worker;
  return `${run.id}, begun ${run.since}${by}, ${stages[run.stage]}: ${run.deleted} of ${count(run.planned, 'tag')} deleted${idle}.`;
}

function tellRegistry(registry: RegistryStatus): string {
  const { workload, deletionEnabled, readOnly, changedBy, rollout } = registry;
  const state = readOnly
    ? 'it is read-only'
    : deletionEnabled
      ? 'deletion is enabled'
      : 'deletion is not enabled';
  const who = changedBy && `by run ${changedBy.run} of ${changedBy.by}, since ${changedBy.since}`;
  const setting =
    readOnly || deletionEnabled
      ? `${state} ${who ?? 'by its template, not by this program'}`
      : `${state}${who === undefined ? ' by its template' : `, although it was ${who}`}`;
  const progress =
    'unknown' in rollout
      ? `its rollout cannot be known: ${rollout.unknown}`
      : rollout.over
        ? 'its rollout is over'
        : `its rollout waits for ${rollout.waitingFor}`;
  return `${workload}: ${setting}; ${progress}.`;
}

function tellPod({ there }: { there?: PodStatus }): string {
  if (there === undefined) return 'there is none.';
  const owner = there.run === '' ? 'not made by this program' : `of run ${there.run}`;
  const phase = there.terminating ? `${there.phase}, and terminating` : there.phase;
  return `${there.name}, ${owner}: ${phase}, ${formatDuration(there.ageSeconds * 1000)} old.`;
}

function tellLease({ held }: { held?: LeaseStatus }): string {
  if (held === undefined) return 'nobody holds it.';
  const { run, by, host, pid, since, renewedAt } = held;
  return `held by run ${run} of ${by} (process ${pid} on ${host}), since ${since}; last renewed ${renewedAt}, by the clock there.`;
}
