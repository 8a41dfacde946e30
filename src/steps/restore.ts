/** Puts the deletion setting back exactly as it was. Used by the step, by `recover` and by `--fresh`. */

import { backoffMs } from '../domain/backoff.ts';
import {
  isOurs,
  manualRestore,
  readSetting,
  recordedContainer,
  recordOf,
  restorePatch,
  type SettingRecord,
} from '../domain/deletion-setting.ts';
import { RefusedError, RestoreError, UnreachableError } from '../domain/errors.ts';
import type { Workload } from '../domain/workload.ts';
import type { Clock, Progress, WorkloadPort } from '../ports.ts';
import { awaitRollout } from './rollout.ts';

/**
 * - `nothing`: no run has changed the setting
 * - `restored`: it is as before, and the rollout is over
 * - `left`: somebody has changed the variable meanwhile; it was left alone, and only the annotation went
 */
export type Restored = 'nothing' | 'restored' | 'left';

export interface Restore {
  readonly workload: WorkloadPort;
  readonly clock: Clock;
  /** Must not be the signal that ends the work. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly context: string;
  readonly rolloutTimeoutMs: number;
  /** For how long the change is tried again when the API server does not let it through. */
  readonly restoreTimeoutMs: number;
  /** Restores only what this run has recorded; `undefined`: whatever run. */
  readonly run: string | undefined;
}

/** @throws RestoreError with the command to do it by hand, when it cannot be done in time */
export async function restoreSetting(restore: Restore): Promise<Restored> {
  const startedAt = restore.clock.now();
  let manual = '';
  for (let attempt = 1; ; attempt += 1) {
    try {
      const workload = await restore.workload.read(restore.signal);
      const record = recordOf(workload);
      if (!record || (restore.run !== undefined && record.run !== restore.run)) return 'nothing';
      manual = manualRestore(workload, record, restore.context);
      return await putBack(restore, workload, record);
    } catch (error) {
      restore.signal.throwIfAborted();
      const isLasting = !(error instanceof UnreachableError) || error.forbidden;
      if (isLasting || restore.clock.now() - startedAt > restore.restoreTimeoutMs)
        throw couldNot(error, manual);
      restore.progress.status(`trying again to put the setting back: ${error.message}`);
      await restore.clock.sleep(backoffMs(attempt, restore.clock.random()), restore.signal);
    }
  }
}

async function putBack(restore: Restore, workload: Workload, record: SettingRecord): Promise<Restored> {
  const ours = isOurs(readSetting(workload, recordedContainer(workload, record)));
  await restore.workload.patch(restorePatch(workload, record), restore.signal);
  try {
    await awaitRollout({
      ...restore,
      containerName: record.container,
      timeoutMs: restore.rolloutTimeoutMs,
      replaceStuckPods: true,
    });
  } catch (error) {
    restore.signal.throwIfAborted();
    throw new RestoreError(
      `The registry's setting is put back, but its rollout is not over: ${messageOf(error)}`,
      {
        next: `Watch it with: kubectl -n ${workload.namespace} rollout status ${workload.kind.toLowerCase()}/${workload.name}`,
        cause: error,
      },
    );
  }
  return ours ? 'restored' : 'left';
}

function couldNot(error: unknown, manual: string): Error {
  if (error instanceof RestoreError) return error;
  // Nothing of ours was found, so there is nothing to put back by hand either.
  if (manual === '' && error instanceof RefusedError) return error;
  return new RestoreError(`The registry's deletion setting could not be put back: ${messageOf(error)}`, {
    next:
      manual === ''
        ? 'As soon as the cluster answers, run: npm run clean -- recover'
        : `Put it back with: npm run clean -- recover\nor by hand with:\n${manual}`,
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
