/** What collecting garbage needs of a run, be it one that has deleted before, or one that does nothing else. */
import type { Holding, Reclaimed } from '../domain/reclaim.ts';
import type { RegistryPlace } from '../ports.ts';
import type { Context } from './context.ts';

/** What a run keeps of collecting garbage. */
export interface ReclaimBook {
  /** The run's ID. */
  readonly run: string;
  /** What the storage held before, if an earlier start has looked. */
  readonly before: Holding | undefined;
  /** `undefined` forgets it: others may have pushed since. */
  keepBefore(before: Holding | undefined): Promise<void>;
  /** Notes, before anything is taken, that what was deleted from this registry can no longer be taken back. */
  begin(at: string): Promise<void>;
  finish(reclaimed: Reclaimed): Promise<void>;
}

/** The part of a run's context that collecting garbage looks at. */
export type ReclaimContext = Pick<
  Context,
  | 'settings'
  | 'workload'
  | 'collector'
  | 'reclaim'
  | 'lease'
  | 'person'
  | 'clock'
  | 'window'
  | 'signal'
  | 'uninterrupted'
  | 'manualRestore'
>;

/** The book of a run that collects garbage. */
export function bookOf({ reclaim }: Pick<ReclaimContext, 'reclaim'>): ReclaimBook {
  if (reclaim === undefined) throw new Error('A run without --reclaim must not collect garbage.');
  return reclaim;
}

/** The registry's container in each of its pods. */
export async function placesOf(
  { workload, signal }: Pick<ReclaimContext, 'workload' | 'signal'>,
  container: string,
): Promise<readonly RegistryPlace[]> {
  return (await workload.pods(signal)).map((pod) => ({ pod, container }));
}
