/** Puts the registry's settings back exactly as they were. Used by the step, by `recover` and by `--fresh`. */

import { backoffMs } from '../domain/backoff.ts';
import { messageOf, RefusedError, RestoreError, UnreachableError } from '../domain/errors.ts';
import { LeaseLostError } from '../domain/lease.ts';
import { registryContainer } from '../domain/registry-container.ts';
import { runsOtherSetting } from '../domain/rollout.ts';
import { isStillChanged, keptRecord, manualRestore, restorePatch } from '../domain/setting-change.ts';
import {
  ANNOTATION,
  READ_ONLY_VARIABLE,
  recordOf,
  type SettingRecord,
  VARIABLE,
} from '../domain/setting-record.ts';
import type { Workload } from '../domain/workload.ts';
import type { Clock, GarbageCollector, HeldLease, Progress, WorkloadPort } from '../ports.ts';
import { AwakeClock } from './awake-clock.ts';
import { endCollectors } from './collectors.ts';
import { PassingRefusals } from './passing-refusals.ts';
import { awaitRollout } from './rollout.ts';

/**
 * - `nothing`: no run has changed a setting
 * - `restored`: they are as before, and the rollout is over
 * - `left`: somebody has changed the variables meanwhile; they were left alone, and only the annotation went
 */
export type Restored = 'nothing' | 'restored' | 'left';

export interface Restore {
  readonly workload: WorkloadPort;
  readonly collector: GarbageCollector;
  readonly clock: Clock;
  /** Must not be the signal that ends the work. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** For the command to do it by hand; empty where kubectl finds it by itself. */
  readonly context: string;
  readonly kubeconfig: string | undefined;
  /** How the registry's container is recognised, where no record names it. */
  readonly container: { readonly name: string | undefined; readonly port: number | undefined };
  readonly rolloutTimeoutMs: number;
  /** For how long the change is tried again when the API server does not let it through. */
  readonly restoreTimeoutMs: number;
  /** The command to do it by hand, as far as it is known beforehand: the cluster may not answer any more. */
  readonly manual: string | undefined;
  /** The command that does it later, with the options that say where. */
  readonly recover: string;
  /** Restores only what this run has recorded; `undefined`: whatever run. */
  readonly run: string | undefined;
  /** Keeps a copy of the record, and says whose it is to put things back. */
  readonly lease: HeldLease;
}

/**
 * @throws RestoreError with the command to do it by hand, when it cannot be done in time
 * @throws LeaseLostError when it is not this run's any more to do
 */
export async function restoreSetting(given: Restore): Promise<Restored> {
  const restore = { ...given, clock: new AwakeClock(given.clock, given.restoreTimeoutMs) };
  const startedAt = restore.clock.now();
  const attempted: Attempted = { manual: restore.manual };
  const refusals = new PassingRefusals(restore.clock);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await restore.lease.confirm(restore.signal);
      const workload = await restore.workload.read(restore.signal);
      const patient = restore.clock.now() - startedAt < restore.restoreTimeoutMs / 2;
      await putBack({ ...restore, patient }, workload, attempted);
      break;
    } catch (error) {
      restore.signal.throwIfAborted();
      if (error instanceof LeaseLostError) throw error;
      const isLasting = !(error instanceof UnreachableError) || !refusals.mayPass(error);
      if (isLasting || restore.clock.now() - startedAt > restore.restoreTimeoutMs)
        throw couldNot(error, { manual: attempted.manual, recover: restore.recover });
      restore.progress.status(`trying again to put the settings back: ${error.message}`);
      await restore.clock.sleep(backoffMs(attempt, restore.clock.random()), restore.signal);
    }
  }
  await settle(given, attempted);
  // It would count once more after somebody has enabled deletion for good; the lease itself goes soon, too.
  if (attempted.record) await restore.lease.keepSetting(undefined, restore.signal).catch(() => {});
  if (attempted.record === undefined) return 'nothing';
  return attempted.ours ? 'restored' : 'left';
}

/** What was tried so far: an answer may have been lost, and the next reading finds nothing to put back any more. */
interface Attempted {
  record?: SettingRecord;
  /** Some variable was still what a run sets. */
  ours?: boolean;
  /** The command to do it by hand. */
  manual: string | undefined;
  /** The container whose rollout is under way. */
  containerName?: string | undefined;
}

async function putBack(
  restore: Restore & { readonly patient: boolean },
  workload: Workload,
  attempted: Attempted,
): Promise<void> {
  const record = recordOf(workload) ?? keptRecord(workload, restore.lease.setting);
  if (!record) {
    attempted.containerName ??= await containerInRollout(restore, workload);
    return;
  }
  if (restore.run !== undefined && record.run !== restore.run) return;
  attempted.manual = manualRestore(workload, record, restore);
  attempted.ours = isStillChanged(workload, record);
  attempted.record = record;
  attempted.containerName = record.container;
  // Also where somebody has made it writable already: a collector that runs on does the more harm.
  if (record.previous.readOnly)
    await endCollectors({ ...restore, containerName: record.container, timeoutMs: restore.restoreTimeoutMs });
  await restore.workload.patch(restorePatch(workload, record), restore.signal);
}

/** Waits for the end of the rollout that this began, or that an earlier, killed attempt has begun. */
async function settle(restore: Restore, { containerName }: Attempted): Promise<void> {
  if (containerName === undefined) return;
  try {
    await awaitRollout({
      ...restore,
      containerName,
      // A short limit for enabling is no reason to give up restoring.
      timeoutMs: Math.max(restore.rolloutTimeoutMs, restore.restoreTimeoutMs),
      replaceStuckPods: true,
    });
  } catch (error) {
    restore.signal.throwIfAborted();
    throw new RestoreError(
      `The registry's settings are as before, but its rollout is not over: ${messageOf(error)}`,
      { next: 'Watch its pods until the new ones are ready: kubectl get pods --watch', cause: error },
    );
  }
}

/** Without a record: the registry's container, if a pod still runs with another setting than the template has. */
async function containerInRollout(restore: Restore, workload: Workload): Promise<string | undefined> {
  const name = containerName(restore, workload);
  if (name === undefined) return undefined;
  const pods = await restore.workload.pods(restore.signal);
  return runsOtherSetting(workload, pods, name) ? name : undefined;
}

/** Without a record there is nothing to put back, so it need not be clear which container is the registry. */
function containerName(restore: Restore, workload: Workload): string | undefined {
  try {
    return registryContainer(workload, restore.container).name;
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}

function couldNot(
  error: unknown,
  { manual, recover }: { manual: string | undefined; recover: string },
): RestoreError {
  return new RestoreError(`The registry's settings could not be put back: ${messageOf(error)}`, {
    next:
      manual === undefined
        ? nextWithoutCommand(error, recover)
        : `Put it back with: ${recover}\nor by hand with:\n${manual}`,
    cause: error,
  });
}

function nextWithoutCommand(error: unknown, recover: string): string {
  return error instanceof RefusedError
    ? `Look at ${VARIABLE} and ${READ_ONLY_VARIABLE} in its template, put them right by hand, then remove the annotation ${ANNOTATION} (README, "By hand").`
    : `As soon as the cluster answers, run: ${recover}`;
}
