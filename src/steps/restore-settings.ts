/** Puts the registry's settings back exactly as they were, and sees that it answers. */
import { messageOf, UnreachableError } from '../domain/errors.ts';
import { LeaseLostError } from '../domain/lease.ts';
import type { Progress } from '../ports.ts';
import { type Context, leaseOf } from './context.ts';
import { noteRestart } from './restart-times.ts';
import { restoreSetting } from './restore.ts';
import { retrying } from './retry.ts';
import { noteSafely } from './trail.ts';

export const NOTHING_CHANGED = 'nothing was changed';

/**
 * For the safety net. Settings that are as before already are left alone.
 *
 * @returns what is to be said about it; `undefined` when they were put back, and the registry can be asked
 */
export async function restoreSettings(context: Context, progress: Progress): Promise<string | undefined> {
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
  if (restored === 'nothing') return NOTHING_CHANGED;
  if (restored === 'restored') await noteRestart(context, { restoringMs: clock.now() - startedAtMs });
  if (restored === 'left') return 'somebody has changed the setting meanwhile; it was left as it is now';
  if (!(await canReach(context))) return 'as before; without the pod it was not asked whether it answers';
  await retrying(() => registry.check(signal), { ...context, attempts: 5 }).catch((error: unknown) => {
    if (!(error instanceof UnreachableError)) throw error;
    person.warn(`The registry is as before, but this could not be seen by asking it: ${error.message}`);
  });
  return undefined;
}

/**
 * The way to the registry is open. A pod that has gone has nothing under way any more, and is not made anew for this:
 * the setting would stay as it is until that one runs.
 */
async function canReach({ pod, signal }: Context): Promise<boolean> {
  if (pod === undefined) return true;
  const now = await pod.find(signal).catch(() => undefined);
  return now?.phase === 'Running' && !now.terminating;
}
