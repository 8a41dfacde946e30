/**
 * How a run changes a setting of the registry, although others may touch the workload in the same moment, and goes on
 * with a change that an earlier start has made.
 */
import { ConflictError, RefusedError } from '../domain/errors.ts';
import { registryContainer } from '../domain/registry-container.ts';
import { annotatePatch, changePatch, keptRecord, manualRestore } from '../domain/setting-change.ts';
import {
  describeChanges,
  recordOf,
  recordText,
  type SettingKey,
  type SettingRecord,
} from '../domain/setting-record.ts';
import { describe, type Workload, type WorkloadContainer } from '../domain/workload.ts';
import type { Progress } from '../ports.ts';
import { type Context, leaseOf } from './context.ts';
import { awaitRollout, requireStillChanged } from './rollout.ts';

/** Several writers (controllers among them) may touch a workload in the same moment; more than this is a fight. */
const CONFLICTS = 10;

type Changing = Pick<
  Context,
  'settings' | 'workload' | 'lease' | 'clock' | 'window' | 'signal' | 'uninterrupted' | 'manualRestore'
>;

/** The workload as a run finds it that is to change a setting. */
export interface Changeable {
  readonly run: string;
  readonly workload: Workload;
  /** The registry's. */
  readonly container: WorkloadContainer;
  /** What this run has changed already; `undefined`: nothing. */
  readonly record: SettingRecord | undefined;
}

/**
 * Calls `change` with the workload as it is; again when it has changed meanwhile. The annotation of a run that has a
 * setting changed is written again first, where somebody has stripped it.
 *
 * @throws RefusedError when another run has a setting changed
 * @throws ConflictError when there is no end to it
 */
export async function changingSettings<T>(
  context: Changing,
  run: string,
  change: (found: Changeable) => Promise<T>,
): Promise<T> {
  const { settings } = context;
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      const workload = await context.workload.read(context.signal);
      await requireAnnotation(context, workload);
      const container = registryContainer(workload, settings.container);
      refuseForeignRecord(workload, { run, recover: settings.recover });
      return await change({ run, workload, container, record: recordOf(workload) });
    } catch (error) {
      if (!(error instanceof ConflictError) || conflicts >= CONFLICTS) throw error;
    }
  }
}

async function requireAnnotation(context: Changing, workload: Workload): Promise<void> {
  if (recordOf(workload)) return;
  const kept = keptRecord(workload, leaseOf(context).setting);
  if (kept === undefined) return;
  await context.workload.patch(annotatePatch(workload, kept), context.uninterrupted);
  throw new ConflictError('The annotation had been stripped, and was written again.');
}

/**
 * Refuses a workload on which another run has a setting changed: it is at work, or was ended before it could put the
 * setting back.
 *
 * @throws RefusedError
 */
export function refuseForeignRecord(
  workload: Workload,
  own: { readonly run: string; readonly recover: string },
): void {
  const record = recordOf(workload);
  if (!record || record.run === own.run) return;
  throw new RefusedError(
    `Run ${record.run} of ${record.by} has ${describeChanges(record)} in container ${record.container} of ` +
      `${describe(workload)} (since ${record.since}) and has not put it back.`,
    { next: `If that run is not at work any more, put it right with: ${own.recover}` },
  );
}

/** Changes settings, and puts others back, in one patch, having recorded how they were before. */
export async function changeSettings(
  context: Changing,
  { run, workload, container, record }: Changeable,
  { set, restore }: { readonly set: readonly SettingKey[]; readonly restore: readonly SettingKey[] },
): Promise<void> {
  const { settings, clock, uninterrupted } = context;
  const lease = leaseOf(context);
  const who = { run, by: settings.operator, since: new Date(clock.now()).toISOString() };
  const { patch, record: after } = changePatch(workload, { container, record, restore, set, who });
  // Whichever of the two a killed run leaves in the workload, the lease tells how it was before.
  const both = { ...after, previous: { ...record?.previous, ...after.previous } };
  await lease.keepSetting(recordText(both), uninterrupted);
  context.window?.restarting();
  context.signal.throwIfAborted();
  lease.requireHeld();
  const changed = await context.workload.patch(patch, uninterrupted);
  context.manualRestore = manualRestore(changed, after, settings);
  if (record) await lease.keepSetting(recordText(after), uninterrupted);
}

/** Takes over what an earlier start of the run has changed. @throws RefusedError when somebody has changed it back */
export function takeOverChange(
  context: Changing,
  { run, workload, record }: Changeable & { readonly record: SettingRecord },
): void {
  requireStillChanged(workload, run);
  context.manualRestore = manualRestore(workload, record, context.settings);
  context.window?.restarting();
}

/** Returns when the registry runs with the settings as this run has made them. */
export async function awaitChange(
  context: Changing,
  { run, container }: Changeable,
  progress: Progress,
): Promise<void> {
  await awaitRollout({
    ...context,
    containerName: container.name,
    progress,
    timeoutMs: context.settings.rolloutTimeoutMs,
    replaceStuckPods: false,
    verify: (current) => requireStillChanged(current, run),
  });
}
