/** One operator at a time: what holds the lease while it works, and what is put right for one who left it. */

import { RestoreError, UnreachableError } from '../domain/errors.ts';
import type { LeaseRecord } from '../domain/lease.ts';
import type { HeldLease, Progress } from '../ports.ts';
import { type Restored, restoreSetting } from '../steps/restore.ts';
import { usesPod } from './preflight.ts';
import { settingsOf } from './settings.ts';
import type { Connection, World } from './world.ts';

/** Where no step shows how it goes. */
export function aloud({ person }: World): Progress {
  return { update() {}, status: (text) => person.say(`  ${text}`) };
}

/**
 * Holds the lease while `work` runs. What somebody has left who could not let go of it is put right first.
 *
 * @throws RefusedError when another run is at work
 */
export async function withLease<T>(
  world: World,
  connection: Connection,
  work: (lease: HeldLease) => Promise<T>,
): Promise<T> {
  const lease = await acquireLease(world, connection);
  return await releasing(world, lease, async () => {
    if (lease.takenOver) await putRight(world, lease, lease.takenOver);
    return await work(lease);
  });
}

/** @throws RefusedError when another run is at work */
export async function acquireLease(world: World, connection: Connection): Promise<HeldLease> {
  return await connection.lease.acquire(aloud(world), world.work);
}

/** Lets go of the lease when `work` is over, however it ended. */
export async function releasing<T>(world: World, lease: HeldLease, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    await release(world, lease);
    return result;
  } catch (error) {
    // What could not be put back is still told by the lease, to whoever takes it over.
    if (!(error instanceof RestoreError)) await release(world, lease);
    throw error;
  }
}

async function release({ person, safety }: World, lease: HeldLease): Promise<void> {
  await lease.release(safety).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    person.warn(`The lease could not be let go of (${why}); it expires by itself after a minute.`);
  });
}

async function putRight(world: World, lease: HeldLease, before: LeaseRecord): Promise<void> {
  const { run, by } = before.holder;
  world.person.say(`Run ${run} of ${by} has ended without putting everything back; that is done first.`);
  const connection = await world.connect(run, { anyRun: true });
  await connection.pod.remove(world.safety).catch((error: unknown) => {
    // By a route without a pod one need not be allowed to see whether there is one.
    const isForbidden = error instanceof UnreachableError && error.forbidden;
    if (usesPod(world.options) || !isForbidden) throw error;
  });
  const restored = await putSettingBack(world, connection, { lease, run: undefined, progress: aloud(world) });
  world.person.say(restored === 'nothing' ? 'Nothing had to be put back.' : 'The setting is as before.');
}

/** Puts back what `run`, or any run, has recorded, outside of a run's own steps. */
export async function putSettingBack(
  world: World,
  connection: Connection,
  given: {
    lease: HeldLease;
    run: string | undefined;
    progress: Progress;
    /** The command to do it by hand, as far as it is known. */
    manual?: string | undefined;
  },
): Promise<Restored> {
  const { lease, run, progress, manual } = given;
  const { context } = await connection.cluster.identity(world.safety);
  return await restoreSetting({
    ...settingsOf(world, context),
    workload: connection.workload,
    collector: connection.collector,
    clock: world.clock,
    signal: world.safety,
    progress,
    manual,
    run,
    lease,
  });
}
