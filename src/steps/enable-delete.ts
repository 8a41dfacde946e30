/** Enables deletion on the registry, having recorded what was there before. */
import { ConflictError } from '../domain/errors.ts';
import { refuseUnrollable, runsOtherSetting } from '../domain/rollout.ts';
import { beginDeleting } from '../domain/run.ts';
import { isChanged } from '../domain/setting-change.ts';
import type { Progress } from '../ports.ts';
import {
  awaitChange,
  type Changeable,
  changeSettings,
  changingSettings,
  takeOverChange,
} from './changing-settings.ts';
import type { Context, Step } from './context.ts';
import { deletionState, requireEnabled } from './deletion-probe.ts';
import { hasOpenWork } from './open-work.ts';
import { noteRestart } from './restart-times.ts';
import { restoreSettings } from './restore-settings.ts';
import { retrying } from './retry.ts';
import { awaitRollout } from './rollout.ts';
import { noteSafely } from './trail.ts';

export const enableDelete: Step = {
  key: 'enable-delete',

  skip: (context) =>
    [...context.plans.values()].some((plan) => hasOpenWork(context.outcomes, plan))
      ? undefined
      : 'nothing to delete',

  async run(context, progress) {
    const { run } = context;
    await run.update(beginDeleting);
    return await changingSettings(context, run.record.id, (found) => ensureEnabled(context, found, progress));
  },
};

async function ensureEnabled(
  context: Context,
  found: Changeable,
  progress: Progress,
): Promise<string | undefined> {
  const { clock } = context;
  const { workload, container, record } = found;
  if (record?.previous.readOnly !== undefined) {
    // An earlier start came as far as collecting garbage, and left something to delete all the same.
    await restoreSettings({ ...context, signal: context.uninterrupted }, progress);
    throw new ConflictError('The registry was made writable again.');
  }
  const startedAtMs = clock.now();
  if (record) takeOverChange(context, { ...found, record });
  else {
    if (isChanged(workload, container, 'deletion')) return 'it was enabled before; nothing is changed';
    if (await isEnabledOtherwise(context, found, progress))
      return "the registry's own configuration enables it; nothing is changed";
    refuseUnrollable(workload);
    context.window?.requireRoom(2);
    await changeSettings(context, found, { set: ['deletion'], restore: [] });
    noteSafely(context, { event: 'setting', state: 'enabled' });
  }
  await awaitChange(context, found, progress);
  progress.status('waiting for the registry to answer');
  await retrying(() => context.registry.check(context.signal), context);
  await requireEnabled(context, progress);
  const tookMs = record === undefined ? clock.now() - startedAtMs : undefined;
  context.window?.restarted(tookMs);
  if (tookMs !== undefined) await noteRestart(context, { enablingMs: tookMs });
  return undefined;
}

/** The registry lets manifests be deleted although its template does not say so. */
async function isEnabledOtherwise(
  context: Context,
  { workload, container }: Changeable,
  progress: Progress,
): Promise<boolean> {
  if ((await deletionState(context)) !== 'enabled') return false;
  // What answers may be a pod of a run that has put the setting back a moment ago.
  const pods = await context.workload.pods(context.signal);
  const containerName = container.name;
  if (!runsOtherSetting(workload, pods, containerName)) return true;
  const timeoutMs = context.settings.rolloutTimeoutMs;
  await awaitRollout({ ...context, containerName, progress, timeoutMs, replaceStuckPods: false });
  return (await deletionState(context)) === 'enabled';
}
