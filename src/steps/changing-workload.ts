/** Changing the registry's workload although others may touch it in the same moment. */
import { ConflictError } from '../domain/errors.ts';
import { annotatePatch, keptRecord } from '../domain/setting-change.ts';
import { recordOf } from '../domain/setting-record.ts';
import type { Workload } from '../domain/workload.ts';
import { type Context, leaseOf } from './context.ts';

/** Several writers (controllers among them) may touch a workload in the same moment; more than this is a fight. */
const CONFLICTS = 10;

type Changing = Pick<Context, 'workload' | 'lease' | 'signal' | 'uninterrupted'>;

/**
 * Calls `change` with the workload as it is; again when it has changed meanwhile. The annotation of a run that has a
 * setting changed is written again first, where somebody has stripped it.
 *
 * @throws ConflictError when there is no end to it
 */
export async function changingWorkload<T>(
  context: Changing,
  change: (workload: Workload) => Promise<T>,
): Promise<T> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      const workload = await context.workload.read(context.signal);
      await requireAnnotation(context, workload);
      return await change(workload);
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
