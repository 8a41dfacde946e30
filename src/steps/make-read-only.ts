/**
 * Makes the registry read-only, having recorded what was there before. Deletion is put back as it was in the same
 * patch, so that the registry restarts once for both.
 */
import { registryContainer } from '../domain/registry-container.ts';
import { refuseUnrollable } from '../domain/rollout.ts';
import { moveTo } from '../domain/run.ts';
import { changePatch, isChanged, manualRestore } from '../domain/setting-change.ts';
import { recordedKeys, recordOf, recordText } from '../domain/setting-record.ts';
import type { Workload } from '../domain/workload.ts';
import type { Progress } from '../ports.ts';
import { changingWorkload } from './changing-workload.ts';
import { leaseOf, type Step } from './context.ts';
import { refuseForeignRecord } from './enable-delete.ts';
import {
  inspectReplicas,
  refuseUncollectable,
  requireNoCollector,
  requireNoUploads,
} from './reclaim-checks.ts';
import { bookOf, type ReclaimContext } from './reclaim-context.ts';
import { awaitRollout, requireStillChanged } from './rollout.ts';

export const makeReadOnly: Step = {
  key: 'make-read-only',

  async run(context, progress) {
    await context.run.update((record) => moveTo(record, 'deleting'));
    // Deletion is about to be disabled: what still deletes over there would fail.
    progress.status('ending what is still under way');
    await context.registry.quiesce(context.signal);
    return await ensureReadOnly(context, progress);
  },
};

/** Returns when no replica of the registry takes a push any more. */
export async function ensureReadOnly(
  context: ReclaimContext,
  progress: Progress,
): Promise<string | undefined> {
  return await changingWorkload(context, (workload) => tryReadOnly(context, workload, progress));
}

async function tryReadOnly(
  context: ReclaimContext,
  workload: Workload,
  progress: Progress,
): Promise<string | undefined> {
  const { settings, clock, window } = context;
  const { run } = bookOf(context);
  const container = registryContainer(workload, settings.container);
  const lease = leaseOf(context);
  const record = recordOf(workload);
  refuseForeignRecord(workload, { run, recover: settings.recover });
  const startedAtMs = clock.now();
  if (isChanged(workload, container, 'readOnly') && record?.previous.readOnly === undefined)
    return 'it was read-only before; nothing is changed';
  if (record?.previous.readOnly === undefined) {
    refuseUnrollable(workload);
    progress.status('looking for uploads that are under way');
    const replicas = await inspectReplicas(context, container.name);
    refuseUncollectable(workload, { container, replicas });
    await requireNoCollector(context, replicas);
    for (const { place } of replicas.slice(0, 1)) await requireNoUploads(context, place);
    window?.requireRoom(2, 'No garbage was collected. Go on with a longer --stop-after.');
    await bookOf(context).keepBefore(undefined);
    const who = { run, by: settings.operator, since: new Date(clock.now()).toISOString() };
    const { patch, record: after } = changePatch(workload, {
      container,
      record,
      restore: record ? recordedKeys(record) : [],
      set: ['readOnly'],
      who,
    });
    // Whichever of the two a killed run leaves in the workload, the lease tells how it was before.
    const both = { ...after, previous: { ...record?.previous, ...after.previous } };
    await lease.keepSetting(recordText(both), context.uninterrupted);
    window?.restarting();
    context.signal.throwIfAborted();
    lease.requireHeld();
    const changed = await context.workload.patch(patch, context.uninterrupted);
    context.manualRestore = manualRestore(changed, after, settings);
    await lease.keepSetting(recordText(after), context.uninterrupted);
  } else {
    requireStillChanged(workload, run);
    context.manualRestore = manualRestore(workload, record, settings);
    window?.restarting();
  }
  await awaitRollout({
    ...context,
    containerName: container.name,
    progress,
    timeoutMs: settings.rolloutTimeoutMs,
    replaceStuckPods: false,
    verify: (current) => requireStillChanged(current, run),
  });
  window?.restarted(clock.now() - startedAtMs);
  return undefined;
}
