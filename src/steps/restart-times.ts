/** Remembers how long the registry takes to restart, for later runs and their windows. */
import { StorageError } from '../domain/errors.ts';
import type { RestartTimes } from '../domain/run.ts';
import type { Context } from './context.ts';

/** Adds to what the run's record tells. A disk that is full must not keep the registry from being put back. */
export async function noteRestart({ run, person }: Context, took: RestartTimes): Promise<void> {
  try {
    await run.update((record) => ({ ...record, restarts: { ...record.restarts, ...took } }));
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    person.warn(error.message);
  }
}
