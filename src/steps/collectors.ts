/**
 * Makes sure that no garbage collector lives in any replica of the registry. One that still runs when the registry
 * becomes writable deletes the blobs of whatever is pushed meanwhile. It outlives whoever has started it, and the
 * connection to it.
 */
import { RefusedError, UnreachableError } from '../domain/errors.ts';
import { formatDuration } from '../domain/progress.ts';
import type { WorkloadPod } from '../domain/workload.ts';
import type { Clock, GarbageCollector, Progress, WorkloadPort } from '../ports.ts';
import { isTemporary } from './retry.ts';

const POLL_MS = 500;

interface Ending {
  readonly workload: WorkloadPort;
  readonly collector: GarbageCollector;
  readonly containerName: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** How long a pod is waited for that has to go. */
  readonly timeoutMs: number;
  /** A pod that is ready, and cannot be looked into just now, is left for another try. */
  readonly patient: boolean;
}

/**
 * Returns when it is proved that no collector runs in any pod of the registry, having ended those that did. A pod that
 * cannot be looked into is deleted: its processes end with it, and the one in its place has none.
 *
 * @throws UnreachableError when it cannot be proved
 */
export async function endCollectors(ending: Ending): Promise<void> {
  const { workload, signal, progress } = ending;
  // Only who holds the lease starts collectors: a pod that comes from now on has none.
  for (const pod of await workload.pods(signal)) {
    progress.status(`making sure that no garbage collector runs in pod ${pod.name}`);
    await endIn(pod, ending);
  }
}

async function endIn(pod: WorkloadPod, ending: Ending): Promise<void> {
  const { collector, containerName, signal, patient } = ending;
  try {
    await collector.end({ pod, container: containerName }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof UnreachableError || error instanceof RefusedError)) throw error;
    if (patient && isTemporary(error) && pod.ready && !pod.terminating) throw error;
    await replace(pod, ending);
  }
}

async function replace(pod: WorkloadPod, ending: Ending): Promise<void> {
  const { workload, clock, signal, progress, timeoutMs } = ending;
  if (!pod.terminating) await workload.deletePod(pod, signal);
  const startedAt = clock.now();
  while ((await workload.pods(signal)).some(({ uid }) => uid === pod.uid)) {
    const waitedMs = clock.now() - startedAt;
    if (waitedMs > timeoutMs)
      throw new UnreachableError(
        `Pod ${pod.name}, in which a garbage collector may run, is still there after ${formatDuration(waitedMs)}.`,
        { next: 'Look at the pod, and at its node.' },
      );
    progress.status(`waiting for pod ${pod.name} to go, in which a garbage collector may run`);
    await clock.sleep(POLL_MS, signal);
  }
}
