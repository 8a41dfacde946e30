/**
 * The lease (coordination.k8s.io/v1) that keeps two operators from changing one registry at the same time: what stands
 * in it, and how its holder and others judge it. Times that stand in it are for people only: whether it is still held
 * is decided by what an observer sees change, since clocks of two machines need not agree.
 */
import { RefusedError } from './errors.ts';
import { parseObject } from './json.ts';
import { plainText } from './text.ts';

/** Fixed, so that a Role can be scoped to it by `resourceNames`. */
export const LEASE_NAME = 'docker-registry-cleaner';
const RUN = 'docker-registry-cleaner/run';
const DESCRIPTION = 'docker-registry-cleaner/description';
const SETTING = 'docker-registry-cleaner/previous-setting';

/** A process that holds the lease, or did. */
export interface LeaseHolder {
  /** The run's ID. */
  readonly run: string;
  /** `user@host`. */
  readonly by: string;
  /** The host's name. */
  readonly host: string;
  readonly pid: number;
  /** What process IDs are counted in: the machine since it was booted. Empty where the system does not tell. */
  readonly machine: string;
  /** Tells the process from a later one with the same ID; empty where the system does not tell. */
  readonly started: string;
  /** Random: this very holding, no other. */
  readonly id: string;
}

export interface LeaseRecord {
  readonly holder: LeaseHolder;
  /** ISO 8601, by the holder's clock, as is `renewedAt`. */
  readonly since: string;
  readonly renewedAt: string;
  /** Unchanged for so long, it has expired. */
  readonly durationSeconds: number;
  /** The annotation in which the workload records its previous deletion setting; annotations get stripped. */
  readonly setting: string | undefined;
}

/** A Lease, as far as this program looks at it (Kubernetes API reference, "Lease v1 coordination.k8s.io"). */
export interface LeaseObject {
  readonly metadata?: {
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

/** The parts of a Lease that the record decides. */
export function encodeLease({ holder, since, renewedAt, durationSeconds, setting }: LeaseRecord) {
  return {
    metadata: {
      annotations: {
        [RUN]: holder.run,
        [DESCRIPTION]: `${holder.by} deletes revisions from the registry. Do not remove this while that goes on.`,
        ...(setting === undefined ? {} : { [SETTING]: setting }),
      },
    },
    spec: {
      holderIdentity: identityOf(holder),
      acquireTime: microTime(since),
      renewTime: microTime(renewedAt),
      leaseDurationSeconds: durationSeconds,
    },
  };
}

/** The merge patch that makes of any Lease one of this record. */
export function leasePatch(record: LeaseRecord) {
  const { metadata, spec } = encodeLease(record);
  return { metadata: { annotations: { [SETTING]: null, ...metadata.annotations } }, spec };
}

/** What stands in a Lease; `undefined` for one that this program did not write, or that is damaged. */
export function decodeLease({ metadata, spec }: LeaseObject): LeaseRecord | undefined {
  const holder = parseHolder(spec?.holderIdentity ?? '');
  const since = isoTime(spec?.acquireTime);
  const renewedAt = isoTime(spec?.renewTime);
  const durationSeconds = spec?.leaseDurationSeconds;
  if (!holder || !since || !renewedAt || durationSeconds === undefined || !(durationSeconds > 0))
    return undefined;
  return { holder, since, renewedAt, durationSeconds, setting: metadata?.annotations?.[SETTING] };
}

/** It is this very holding that the Lease tells of. */
export function isHeldBy({ spec }: LeaseObject, holder: LeaseHolder): boolean {
  return parseHolder(spec?.holderIdentity ?? '')?.id === holder.id;
}

// Fields of the specification outlive whoever strips annotations.
function identityOf({ run, by, host, pid, machine, started, id }: LeaseHolder): string {
  return JSON.stringify({ run, by, host, pid, machine, started, id });
}

function parseHolder(identity: string): LeaseHolder | undefined {
  const fields = parseObject(identity);
  const text = (key: string) => (typeof fields?.[key] === 'string' ? fields[key] : undefined);
  const [run, by, host, machine, started, id] = ['run', 'by', 'host', 'machine', 'started', 'id'].map(text);
  const pid = fields?.['pid'];
  if (!run || by === undefined || host === undefined || machine === undefined || started === undefined || !id)
    return undefined;
  return typeof pid === 'number' ? { run, by, host, pid, machine, started, id } : undefined;
}

/** A `MicroTime` has exactly six digits after the point. */
function microTime(iso: string): string {
  return iso.replace(/Z$/, '000Z');
}

function isoTime(text = ''): string | undefined {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** One reading of a lease, on the observer's own monotonic clock. */
export interface Sighting {
  /** `metadata.resourceVersion`. */
  readonly version: string;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

/**
 * Judges a lease by two sightings. It was what the first saw when that was answered at the latest, and what the latest
 * saw when that was asked at the earliest: in between, at least, its holder has been silent.
 */
export function judgeHolder(
  first: Sighting,
  latest: Sighting,
  { durationSeconds }: Pick<LeaseRecord, 'durationSeconds'>,
): 'alive' | 'expired' | 'undecided' {
  if (latest.version !== first.version) return 'alive';
  return latest.askedAtMs - first.answeredAtMs >= durationSeconds * 1000 ? 'expired' : 'undecided';
}

/** A moment on two clocks of one machine, in milliseconds. */
export interface Moment {
  /** Never set, but it may stand still while the machine sleeps (Linux: CLOCK_MONOTONIC). */
  readonly monotonicMs: number;
  /** Goes on while the machine sleeps, but may be set. */
  readonly wallMs: number;
}

/**
 * How much time has passed at least, by the clock that says more: one that was set forward, too, makes a holder stop too
 * early only. Too late would take a sleep, and in the same minute a clock that was set back by as much.
 */
export function elapsedMs(since: Moment, now: Moment): number {
  return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs);
}

/** `run 2026… of ann@laptop (process 4711 on laptop)`. */
export function describeHolder({ run, by, pid, host }: LeaseHolder): string {
  return `run ${plainText(run, 80)} of ${plainText(by, 120)} (process ${pid} on ${plainText(host, 80)})`;
}

/** Somebody else has the lease, and is alive. */
export function heldByOther({ holder, since }: LeaseRecord): RefusedError {
  return new RefusedError(
    `Another run is at work on this registry since ${since}: ${describeHolder(holder)}.`,
    {
      next: 'Wait for it to end, or have it ended there: Ctrl+C puts everything back. Then start again.',
    },
  );
}

/** Somebody else had the lease, was alive, and has let go of it while it was watched. */
export function endedMeanwhile({ holder, since }: LeaseRecord): RefusedError {
  return new RefusedError(
    `Another run was at work on this registry since ${since}, and has just ended: ${describeHolder(holder)}.`,
    { next: 'See what it has done, then start again.' },
  );
}

/** The lease's name is taken by something that this program cannot understand, and therefore does not touch. */
export function foreignLease({ metadata, spec }: LeaseObject): RefusedError {
  const namespace = plainText(metadata?.namespace ?? '', 80);
  const kubectl = (verb: string) => `kubectl -n ${namespace} ${verb} lease ${LEASE_NAME}`;
  const holder = plainText(spec?.holderIdentity ?? '', 120);
  return new RefusedError(
    `The Lease ${LEASE_NAME} in namespace ${namespace} was not written by this program, or is damaged ` +
      `(its holder: ${holder === '' ? 'nobody' : holder}).`,
    {
      next: `See whose it is: ${kubectl('get')} -o yaml\nIf nothing uses it: ${kubectl('delete')} – then start again.`,
    },
  );
}

/** The lease is not, or not surely, ours any more: nothing may be changed under it. */
export class LeaseLostError extends RefusedError {}

/** It could not be renewed in time; whether somebody has it now is not known. */
export function leaseExpired(limitMs: number): LeaseLostError {
  return new LeaseLostError(
    `This run could not renew its lease for ${limitMs / 1000} s (this machine slept, or the API server was out of reach): ` +
      'another one may have taken over, so it stops here.',
  );
}

/** Somebody else has it now. */
export function leaseTaken(object: LeaseObject): LeaseLostError {
  const record = decodeLease(object);
  return new LeaseLostError(
    record
      ? `Since ${record.since} another run has this one's lease: ${describeHolder(record.holder)}. This one stops here.`
      : `${foreignLease(object).message} This run has lost its lease, and stops here.`,
    { next: 'Nothing is put back by this run any more; the other one has done that, or will.' },
  );
}

/** It is not there any more. */
export function leaseGone(): LeaseLostError {
  return new LeaseLostError(
    'The lease of this run has been deleted, by hand or by another run that took over and has ended; this one stops here.',
  );
}
