/** The lease beside the registry: who has it, taking it, and taking it over. */
import { randomUUID } from 'node:crypto';
import { ConflictError } from '../../domain/errors.ts';
import {
  decodeLease,
  describeHolder,
  endedMeanwhile,
  foreignLease,
  heldByOther,
  isHeldBy,
  judgeHolder,
  LEASE_NAME,
  type LeaseHolder,
  type LeaseObject,
  type LeaseRecord,
  type Moment,
} from '../../domain/lease.ts';
import type { HeldLease, LeasePort, Progress } from '../../ports.ts';
import { pause } from './abort.ts';
import type { ApiClient } from './api-client.ts';
import { LeaseKeeper, type LeaseTimes } from './lease-keeper.ts';
import { createLeaseRequests } from './lease-requests.ts';
import { hasEnded, identifyThisProcess } from './process-identity.ts';

export interface LeaseOptions extends LeaseTimes {
  readonly namespace: string;
  readonly run: string;
  /** `user@host` of who started the run. */
  readonly startedBy: string;
  readonly leaseDurationMs: number;
  readonly leasePollMs: number;
}

/** Another's lease. */
interface Found {
  readonly object: LeaseObject;
  readonly record: LeaseRecord;
}

/** A lease may vanish between being in the way and being looked at; more often than this, it is a fight. */
const TRIES = 5;

export function createLeasePort(api: ApiClient, options: LeaseOptions): LeasePort {
  const requests = createLeaseRequests(api, options.namespace);
  // A request that changes something is not abandoned half-way: what it left would be in everybody's way.
  const uninterrupted = new AbortController().signal;

  async function find(signal: AbortSignal): Promise<Found | undefined> {
    const object = await requests.find(signal);
    if (object === undefined) return undefined;
    const record = decodeLease(object);
    if (record === undefined) throw foreignLease(object);
    return { object, record };
  }

  /**
   * Returns when the holder has been silent for the lease's whole time.
   *
   * @throws RefusedError when it is at work, or has been until it let go of the lease
   */
  async function outwait(
    { object, record }: Found,
    progress: Pick<Progress, 'status'>,
    signal: AbortSignal,
  ): Promise<void> {
    const seenAtMs = performance.now();
    const first = { version: versionOf(object), askedAtMs: seenAtMs, answeredAtMs: seenAtMs };
    const { durationSeconds } = record;
    progress.status(
      `the lease is with ${describeHolder(record.holder)}; seeing for ${durationSeconds} s whether that is still at work`,
    );
    for (;;) {
      await pause(options.leasePollMs, signal);
      const askedAtMs = performance.now();
      const now = await find(signal);
      if (now === undefined) throw endedMeanwhile(record);
      const latest = { version: versionOf(now.object), askedAtMs, answeredAtMs: performance.now() };
      const verdict = judgeHolder(first, latest, record);
      if (verdict === 'alive') throw heldByOther(now.record);
      if (verdict === 'expired') return;
    }
  }

  /** Creates the lease, or writes it over a previous one; `undefined` when somebody else was faster. */
  async function take(
    holder: LeaseHolder,
    { previous, takenOver }: { previous?: Found; takenOver?: LeaseRecord | undefined },
  ): Promise<HeldLease | undefined> {
    const askedAt = now();
    const time = new Date(askedAt.wallMs).toISOString();
    const durationSeconds = Math.ceil(options.leaseDurationMs / 1000);
    const { setting } = previous?.record ?? {};
    const record = { holder, since: time, renewedAt: time, durationSeconds, setting };
    const answer = previous
      ? await requests.update(record, previous.object, uninterrupted)
      : await requests.create(record, uninterrupted);
    // When the answer to a first try was lost, what refuses the second one is our own.
    const object = answer ?? (await requests.find(uninterrupted));
    if (object === undefined || !isHeldBy(object, holder)) return undefined;
    return new LeaseKeeper(requests, { record, object, askedAt }, { times: options, takenOver, now });
  }

  /** Takes over what somebody has left; `undefined` when the lease is gone already, or once more. */
  async function takeOver(
    holder: LeaseHolder,
    progress: Pick<Progress, 'status'>,
    signal: AbortSignal,
  ): Promise<HeldLease | undefined> {
    const previous = await find(signal);
    if (previous === undefined) return undefined;
    const hasDied = await hasEnded(previous.record.holder);
    const isResumed = hasDied && previous.record.holder.run === holder.run;
    if (!hasDied) await outwait(previous, progress, signal);
    const takenOver = isResumed ? undefined : previous.record;
    const held = await take(holder, { previous, takenOver });
    if (held) return held;
    const faster = await find(signal);
    if (faster) throw heldByOther(faster.record);
    return undefined;
  }

  return {
    async find(signal) {
      return (await find(signal))?.record;
    },

    async acquire(progress, signal) {
      const { run, startedBy: by } = options;
      const holder = { run, by, ...(await identifyThisProcess()), id: randomUUID() };
      for (let tries = 0; tries < TRIES; tries += 1) {
        signal.throwIfAborted();
        const held = (await take(holder, {})) ?? (await takeOver(holder, progress, signal));
        if (held) return held;
      }
      throw new ConflictError(`The Lease ${LEASE_NAME} in namespace ${options.namespace} comes and goes.`, {
        next: 'Others are at work on this registry. Start again when they have ended.',
      });
    },
  };
}

function now(): Moment {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

function versionOf({ metadata }: LeaseObject): string {
  return metadata?.resourceVersion ?? '';
}
