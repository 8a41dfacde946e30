/** Death at any moment: after so many calls the program does nothing any more, not even what its safety net would. */
import type { FakeWorld } from '../support/fakes/world.ts';

class Killed extends Error {}

/** Lets the program that is started next die at its `calls`-th call of a port, or live. */
export function killAt(scene: FakeWorld, calls: number): void {
  let left = calls;
  const tick = () => {
    left -= 1;
    if (left <= 0) throw new Killed(`killed at call ${calls}`);
  };
  const { registry, workload, pod, disk, lease, collector } = scene;
  // Before a call takes place, or when it has, and its answer never comes.
  registry.before = registry.after = workload.before = workload.after = tick;
  pod.before = disk.before = lease.before = lease.after = tick;
  collector.before = collector.after = collector.onLine = tick;
}

export function live(scene: FakeWorld): void {
  killAt(scene, Number.POSITIVE_INFINITY);
}
