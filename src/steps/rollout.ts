/** Waiting for the end of a rollout. */

import { RefusedError, UnreachableError } from '../domain/errors.ts';
import { formatDuration } from '../domain/progress.ts';
import { rolloutState } from '../domain/rollout.ts';
import { isChanged, recordedContainer } from '../domain/setting-change.ts';
import { describeChanges, recordedKeys, recordOf } from '../domain/setting-record.ts';
import type { Workload, WorkloadPod } from '../domain/workload.ts';
import type { Clock, Progress, WorkloadPort } from '../ports.ts';
import { AwakeClock } from './awake-clock.ts';
import { PassingRefusals } from './passing-refusals.ts';

const POLL_MS = 500;
/** How long a pod of an older revision may stay unready before it is taken for one that never becomes ready. */
const STUCK_AFTER_MS = 10_000;

export interface RolloutWait {
  readonly workload: WorkloadPort;
  readonly containerName: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly timeoutMs: number;
  /** Deletes a pod that keeps a StatefulSet from rolling back. */
  readonly replaceStuckPods: boolean;
  /** Called with each reading; throws when waiting on makes no sense. */
  readonly verify?: (workload: Workload) => void;
}

/**
 * Returns when the workload runs nothing but its present template.
 *
 * @throws UnreachableError after `timeoutMs`, saying what it waited for; short failures of the API server are sat out
 */
export async function awaitRollout(wait: RolloutWait): Promise<void> {
  const { signal, progress } = wait;
  const clock = new AwakeClock(wait.clock, wait.timeoutMs);
  const startedAt = clock.now();
  const seen = { stuck: new StuckPod(clock), refusals: new PassingRefusals(clock) };
  for (;;) {
    const waitingFor = await look(wait, seen);
    if (waitingFor === undefined) return;
    const waitedMs = clock.now() - startedAt;
    if (waitedMs > wait.timeoutMs)
      throw new UnreachableError(
        `The registry's rollout is not over after ${formatDuration(waitedMs)}: it waits for ${waitingFor}.`,
        { next: 'Look at its pods and events; --rollout-timeout allows more time.' },
      );
    progress.status(`waiting for ${waitingFor}`);
    await clock.sleep(POLL_MS, signal);
  }
}

/** What the rollout still waits for; `undefined` when it is over. */
async function look(
  wait: RolloutWait,
  { stuck, refusals }: { readonly stuck: StuckPod; readonly refusals: PassingRefusals },
): Promise<string | undefined> {
  try {
    const workload = await wait.workload.read(wait.signal);
    wait.verify?.(workload);
    const pods = await wait.workload.pods(wait.signal);
    const state = rolloutState(workload, pods, wait.containerName);
    if (state.over) return undefined;
    const hopeless = wait.replaceStuckPods ? stuck.observe(state.stuck) : undefined;
    if (hopeless) await wait.workload.deletePod(hopeless, wait.signal);
    return state.waitingFor;
  } catch (error) {
    wait.signal.throwIfAborted();
    if (!(error instanceof UnreachableError) || !refusals.mayPass(error)) throw error;
    return `the API server (${error.message})`;
  }
}

/** Remembers since when a pod has been in the way. */
class StuckPod {
  readonly #clock: Clock;
  #uid = '';
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The pod, once it has been in the way for too long. */
  observe(pod: WorkloadPod | undefined): WorkloadPod | undefined {
    if (pod?.uid !== this.#uid) {
      this.#uid = pod?.uid ?? '';
      this.#since = this.#clock.now();
    }
    return pod && this.#clock.now() - this.#since >= STUCK_AFTER_MS ? pod : undefined;
  }
}

/** For `verify`: the settings must stay what this run has made them. @throws RefusedError */
export function requireStillChanged(workload: Workload, run: string): void {
  const record = recordOf(workload);
  if (record?.run === run) {
    const container = recordedContainer(workload, record);
    if (recordedKeys(record).every((key) => isChanged(workload, container, key))) return;
  }
  const what = record?.run === run ? ` (it ${describeChanges(record)})` : '';
  throw new RefusedError(
    `Somebody or something (a controller, a GitOps tool?) has changed the registry's settings back while ` +
      `this run needed them${what}.`,
    { next: 'Pause what manages the workload, then continue with --resume.' },
  );
}
