/** A pod that a program has left which has died. */
import type { RunStore } from '../ports.ts';
import { usesPod } from './preflight.ts';
import type { Connection, World } from './world.ts';

/** Removes it, if it is known whose it was: the state folder is locked, so no program is at work on a run that it knows. */
export async function removeDeadPod(
  world: World,
  connection: Connection,
  { store, runId }: { store: RunStore; runId: string },
): Promise<void> {
  const pod = usesPod(world.options) ? await connection.pod.find(world.work) : undefined;
  if (pod && pod.run !== runId && pod.run !== '' && (await store.knows(pod.run)))
    await (await world.connect(runId, { anyRun: true })).pod.remove(world.work);
}
