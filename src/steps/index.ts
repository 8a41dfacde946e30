/** The mission, step by step. */
import { messageOf, StorageError } from '../domain/errors.ts';
import { type StepRecord, stepTitles } from '../domain/run.ts';
import type { StepView } from '../ports.ts';
import { collectGarbage } from './collect-garbage.ts';
import type { Context, Step } from './context.ts';
import { deleteTags } from './delete.ts';
import { deployPod } from './deploy-pod.ts';
import { disableDelete } from './disable-delete.ts';
import { enableDelete } from './enable-delete.ts';
import { listLegacy } from './list-legacy.ts';
import { listNew } from './list-new.ts';
import { makeReadOnly } from './make-read-only.ts';
import { makeWritable } from './make-writable.ts';
import { moveDone } from './move-done.ts';
import { teardown } from './teardown.ts';
import { verify } from './verify.ts';
import { verifyLayout } from './verify-layout.ts';

/** Finds out what is there. Changes nothing in the registry. */
export const listing: readonly Step[] = [deployPod, verifyLayout, listNew, listLegacy];
/** Carries the plan out. */
export const deleting: readonly Step[] = [enableDelete, deleteTags, moveDone];
/** From here on nothing is pushed any more. */
export const stoppingPushes: readonly Step[] = [makeReadOnly];
/** Gives back the space that what was deleted takes up. */
export const collecting: readonly Step[] = [collectGarbage];
/** Puts the registry back; runs however the others ended. */
export const restoring: readonly Step[] = [makeWritable, disableDelete];
/** Holds the registry, as it is now, against the plan: before garbage is collected, which is final, and in the end. */
export const checking: readonly Step[] = [verify];
/** Leaves nothing behind; runs however the others ended. */
export const leaving: readonly Step[] = [teardown];

/**
 * A step as the person sees it, its start and end recorded with the run.
 *
 * @param skip a reason that comes from the command rather than from the step
 */
export function view(step: Step, context: Context, skip?: string): StepView {
  const reason = skip ?? step.skip?.(context);
  const mark = (record: Omit<StepRecord, 'startedAt'>) => remember(step, context, record);
  return {
    key: step.key,
    title: stepTitles[step.key],
    skip: reason,
    async run(progress) {
      await mark({ state: 'running' });
      try {
        const note = await step.run(context, progress);
        await mark({ state: 'done', ...(note === undefined ? {} : { note }) });
        return note;
      } catch (error) {
        await mark({ state: 'failed', note: messageOf(error) }).catch(() => {});
        throw error;
      }
    },
  };
}

async function remember(
  step: Step,
  { run, clock, person }: Context,
  record: Omit<StepRecord, 'startedAt'>,
): Promise<void> {
  const now = new Date(clock.now()).toISOString();
  try {
    await run.update((before) => {
      const startedAt = record.state === 'running' ? now : (before.steps[step.key]?.startedAt ?? now);
      const ended = record.state === 'running' ? {} : { endedAt: now };
      return { ...before, steps: { ...before.steps, [step.key]: { startedAt, ...ended, ...record } } };
    });
  } catch (error) {
    // A full disk must not keep the registry from being put back.
    if (!(error instanceof StorageError) || ![...restoring, ...leaving].includes(step)) throw error;
    person.warn(error.message);
  }
}
