/**
 * Makes the registry read-only, having recorded what was there before. Deletion is put back as it was in the same
 * patch, so that the registry restarts once for both.
 */
import { refuseUnrollable } from '../domain/rollout.ts';
import { moveTo } from '../domain/run.ts';
import { isChanged } from '../domain/setting-change.ts';
import { recordedKeys } from '../domain/setting-record.ts';
import type { Progress } from '../ports.ts';
import {
  awaitChange,
  type Changeable,
  changeSettings,
  changingSettings,
  takeOverChange,
} from './changing-settings.ts';
import type { Step } from './context.ts';
import {
  inspectReplicas,
  refuseUncollectable,
  requireNoCollector,
  requireNoUploads,
} from './reclaim-checks.ts';
import { bookOf, type ReclaimContext } from './reclaim-context.ts';

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
  const { run } = bookOf(context);
  return await changingSettings(context, run, (found) => tryReadOnly(context, found, progress));
}

async function tryReadOnly(
  context: ReclaimContext,
  found: Changeable,
  progress: Progress,
): Promise<string | undefined> {
  const { clock, window } = context;
  const { workload, container, record } = found;
  const startedAtMs = clock.now();
  if (record?.previous.readOnly !== undefined) takeOverChange(context, { ...found, record });
  else {
    if (isChanged(workload, container, 'readOnly')) return 'it was read-only before; nothing is changed';
    await requireQuiet(context, found, progress);
    window?.requireRoom(2, 'No garbage was collected. Go on with a longer --stop-after.');
    await bookOf(context).keepBefore(undefined);
    await changeSettings(context, found, { set: ['readOnly'], restore: record ? recordedKeys(record) : [] });
  }
  await awaitChange(context, found, progress);
  window?.restarted(clock.now() - startedAtMs);
  return undefined;
}

/** @throws RefusedError where garbage cannot be collected, or somebody is at work */
async function requireQuiet(
  context: ReclaimContext,
  { workload, container }: Changeable,
  progress: Progress,
): Promise<void> {
  refuseUnrollable(workload);
  progress.status('looking for uploads that are under way');
  const replicas = await inspectReplicas(context, container.name);
  refuseUncollectable(workload, { container, replicas });
  await requireNoCollector(context, replicas);
  for (const { place } of replicas.slice(0, 1)) await requireNoUploads(context, place);
}
