/** Enables deletion on the registry, having recorded what was there before. */

import { enablePatch, readSetting } from '../domain/deletion-setting.ts';
import { ConflictError, RefusedError } from '../domain/errors.ts';
import { registryContainer } from '../domain/registry-container.ts';
import { refuseUnrollable, runsOtherSetting } from '../domain/rollout.ts';
import { moveTo } from '../domain/run.ts';
import { manualRestore } from '../domain/setting-change.ts';
import { describeChanges, recordOf, recordText } from '../domain/setting-record.ts';
import type { Workload } from '../domain/workload.ts';
import { describe } from '../domain/workload.ts';
import type { Progress } from '../ports.ts';
import { changingWorkload } from './changing-workload.ts';
import { type Context, leaseOf, type Step } from './context.ts';
import { deletionState, requireEnabled } from './deletion-probe.ts';
import { hasOpenWork } from './open-work.ts';
import { noteRestart } from './restart-times.ts';
import { restoreSettings } from './restore-settings.ts';
import { retrying } from './retry.ts';
import { awaitRollout, requireStillChanged } from './rollout.ts';
import { noteSafely } from './trail.ts';

export const enableDelete: Step = {
  key: 'enable-delete',

  skip: (context) =>
    [...context.plans.values()].some((plan) => hasOpenWork(context.outcomes, plan))
      ? undefined
      : 'nothing to delete',

  async run(context, progress) {
    const { run } = context;
    await run.update((record) => moveTo(record, 'deleting'));
    return await changingWorkload(context, (workload) => ensureEnabled(context, workload, progress));
  },
};

async function ensureEnabled(
  context: Context,
  workload: Workload,
  progress: Progress,
): Promise<string | undefined> {
  const { settings, run, clock } = context;
  const container = registryContainer(workload, settings.container);
  const setting = readSetting(workload, container);
  const lease = leaseOf(context);
  if (setting.record?.run === run.record.id && setting.record.previous.readOnly !== undefined) {
    // An earlier start came as far as collecting garbage, and left something to delete all the same.
    await restoreSettings({ ...context, signal: context.uninterrupted }, progress);
    throw new ConflictError('The registry was made writable again.');
  }
  const startedAtMs = clock.now();
  if (setting.record === undefined) {
    if (setting.enabled) return 'it was enabled before; nothing is changed';
    if (await isEnabledOtherwise(context, { workload, containerName: container.name, progress }))
      return "the registry's own configuration enables it; nothing is changed";
    refuseUnrollable(workload);
    const who = { run: run.record.id, by: settings.operator, since: new Date(clock.now()).toISOString() };
    const { patch, record } = enablePatch(workload, setting, who);
    context.window?.requireRoom(2);
    await lease.keepSetting(recordText(record), context.uninterrupted);
    context.window?.restarting();
    context.signal.throwIfAborted();
    lease.requireHeld();
    rememberManual(context, await context.workload.patch(patch, context.uninterrupted));
    noteSafely(context, { event: 'setting', state: 'enabled' });
  } else {
    refuseForeignRecord(workload, { run: run.record.id, recover: settings.recover });
    requireStillChanged(workload, run.record.id);
    rememberManual(context, workload);
    context.window?.restarting();
  }
  await awaitRollout({
    ...context,
    containerName: container.name,
    progress,
    timeoutMs: settings.rolloutTimeoutMs,
    replaceStuckPods: false,
    verify: (current) => requireStillChanged(current, run.record.id),
  });
  progress.status('waiting for the registry to answer');
  await retrying(() => context.registry.check(context.signal), context);
  await requireEnabled(context, progress);
  const tookMs = setting.record === undefined ? clock.now() - startedAtMs : undefined;
  context.window?.restarted(tookMs);
  if (tookMs !== undefined) await noteRestart(context, { enablingMs: tookMs });
  return undefined;
}

/** The registry lets manifests be deleted although its template does not say so. */
async function isEnabledOtherwise(
  context: Context,
  given: { workload: Workload; containerName: string; progress: Progress },
): Promise<boolean> {
  const { workload, containerName, progress } = given;
  if ((await deletionState(context)) !== 'enabled') return false;
  // What answers may be a pod of a run that has put the setting back a moment ago.
  const pods = await context.workload.pods(context.signal);
  if (!runsOtherSetting(workload, pods, containerName)) return true;
  const timeoutMs = context.settings.rolloutTimeoutMs;
  await awaitRollout({ ...context, containerName, progress, timeoutMs, replaceStuckPods: false });
  return (await deletionState(context)) === 'enabled';
}

function rememberManual(context: Context, workload: Workload): void {
  const record = recordOf(workload);
  if (record) context.manualRestore = manualRestore(workload, record, context.settings);
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
