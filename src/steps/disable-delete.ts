/** Puts the registry's setting back exactly as it was. Belongs to the safety net: it runs however the run ends. */
import { messageOf, UnreachableError } from '../domain/errors.ts';
import { LeaseLostError } from '../domain/lease.ts';
import { type Context, leaseOf, type Step } from './context.ts';
import { awaitDeletionState } from './deletion-probe.ts';
import { noteRestart } from './restart-times.ts';
import { restoreSetting } from './restore.ts';
import { retrying } from './retry.ts';
import { noteSafely } from './trail.ts';

export const disableDelete: Step = {
  key: 'disable-delete',

  async run(context, progress) {
    const { settings, registry, signal, run, person, clock } = context;
    // What still deletes over there must not outlive the setting, nor fail because of it. Whatever goes wrong with it,
    // a defect included, must not keep the setting from being put back.
    progress.status('ending what is still under way');
    if (await canReach(context))
      await registry.quiesce(signal).catch((error: unknown) => {
        person.warn(`Could not make sure that nothing is under way any more: ${messageOf(error)}`);
      });
    const startedAtMs = clock.now();
    const restored = await restoreSetting({
      ...context,
      ...settings,
      progress,
      manual: context.manualRestore,
      run: run.record.id,
      lease: leaseOf(context),
    }).catch((error: unknown) => {
      if (error instanceof LeaseLostError) return 'lost' as const;
      noteSafely(context, { event: 'setting', state: 'not restored', reason: messageOf(error) });
      throw error;
    });
    if (restored !== 'nothing') noteSafely(context, { event: 'setting', state: restored });
    if (restored === 'lost') return 'another run has taken over, and puts it back';
    if (restored === 'nothing') return 'nothing was changed';
    if (restored === 'restored') await noteRestart(context, { restoringMs: clock.now() - startedAtMs });
    if (restored === 'left') return 'somebody has changed the setting meanwhile; it was left as it is now';
    if (!(await canReach(context))) return 'as before; without the pod it was not asked whether it answers';
    await retrying(() => registry.check(signal), { ...context, attempts: 5 }).catch((error: unknown) => {
      if (!(error instanceof UnreachableError)) throw error;
      person.warn(`The registry is as before, but this could not be seen by asking it: ${error.message}`);
    });
    const state = await awaitDeletionState(context, 'disabled', progress).catch(() => 'unknown');
    if (state === 'enabled')
      person.warn(
        'The setting is as before, but the registry still lets manifests be deleted. Look at its pods.',
      );
    return undefined;
  },
};

/**
 * The way to the registry is open. A pod that has gone has nothing under way any more, and is not made anew for this:
 * the setting would stay as it is until that one runs.
 */
async function canReach({ pod, signal }: Context): Promise<boolean> {
  if (pod === undefined) return true;
  const now = await pod.find(signal).catch(() => undefined);
  return now?.phase === 'Running' && !now.terminating;
}
