import { CommandNotStarted, type RunningContainer } from '../runtime/runtime.ts';
import { ContainerConfigError, containerSpec } from './container-spec.ts';
import { ended, passed, until } from './delays.ts';
import { recordEvent } from './events.ts';
import { findImage } from './images.ts';
import type { Node } from './kubelet.ts';
import type { Container, Pod } from './objects.ts';
import { type StartFailure, usualMessage } from './pod-faults.ts';
import { PodReport } from './pod-report.ts';
import type { ObjectKey } from './store.ts';

const nodeName = 'sandbox-node';
const restartDelayMs = 100;

/** Lives one pod's life: schedules it, starts its containers, watches over them, ends them. */
export class PodWorker {
  readonly #node: Node;
  readonly #pod: Pod;
  readonly #key: ObjectKey;
  readonly #report: PodReport;
  readonly #containers = new Map<string, RunningContainer>();
  readonly #life = new AbortController();
  readonly #over: Promise<void>;
  #terminating = false;
  #graceSeconds = Number.POSITIVE_INFINITY;

  constructor(node: Node, pod: Pod) {
    this.#node = node;
    this.#pod = pod;
    this.#key = { resource: 'pods', namespace: pod.metadata.namespace ?? '', name: pod.metadata.name };
    this.#report = new PodReport(node.store, this.#key, pod);
    this.#over = this.#live();
  }

  running(name: string): RunningContainer | undefined {
    return this.#containers.get(name);
  }

  async crash(): Promise<void> {
    await Promise.all([...this.#containers.values()].map((container) => container.kill()));
  }

  /** Ends everything at once and forgets the pod. */
  async end(): Promise<void> {
    this.#terminating = true;
    this.#life.abort();
    await this.crash();
    await this.#over;
  }

  /** SIGTERM, then SIGKILL when the grace period is over; then the pod is gone. May be made shorter later. */
  shutDown(graceSeconds: number): void {
    if (graceSeconds >= this.#graceSeconds) return;
    this.#graceSeconds = graceSeconds;
    if (this.#terminating) void this.#killAfter(graceSeconds);
    else void this.#shutDown(graceSeconds);
  }

  async #killAfter(graceSeconds: number): Promise<void> {
    if (await passed(graceSeconds * 1000, this.#life.signal)) await this.crash();
  }

  async #shutDown(graceSeconds: number): Promise<void> {
    this.#terminating = true;
    const containers = [...this.#containers.values()];
    this.#event('Normal', 'Killing', `Stopping container ${this.#pod.spec.containers[0]?.name}`);
    for (const container of containers) container.terminate();
    const exits = Promise.all(containers.map(({ exited }) => exited));
    await Promise.race([exits, passed(graceSeconds * 1000, this.#life.signal)]);
    await this.crash();
    if (await passed(this.#node.timesOf(this.#pod).lingerMs, this.#life.signal))
      this.#node.store.remove(this.#key);
  }

  async #live(): Promise<void> {
    const { signal } = this.#life;
    const { startMs } = this.#node.timesOf(this.#pod);
    if (!(await passed(startMs * 0.2, signal)) || !this.#schedule()) return;
    this.#watchDeadline();
    if (!(await passed(startMs * 0.3, signal)) || !this.#pull()) return;
    await Promise.all(this.#pod.spec.containers.map((container) => this.#keepRunning(container)));
  }

  #schedule(): boolean {
    const failure = this.#failure('unschedulable');
    if (failure !== undefined) {
      this.#report.unschedulable(failure);
      this.#event('Warning', 'FailedScheduling', failure, 'default-scheduler');
      return false;
    }
    this.#report.scheduled(nodeName);
    const { namespace, name } = this.#pod.metadata;
    const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
    this.#event('Normal', 'Scheduled', message, 'default-scheduler');
    return true;
  }

  #pull(): boolean {
    const failure = this.#failure('imagePull');
    if (failure !== undefined) {
      this.#report.waiting('ImagePullBackOff', failure);
      this.#event('Warning', 'Failed', failure.replace(/^Back-off [^:]*: /, ''));
      return false;
    }
    const config = this.#failure('containerConfig');
    if (config !== undefined) {
      this.#report.waiting('CreateContainerConfigError', config);
      this.#event('Warning', 'Failed', `Error: ${config}`);
    }
    return config === undefined;
  }

  /** The words of a failure that was armed for this pod. */
  #failure(kind: StartFailure): string | undefined {
    const armed = this.#node.podFaults.take(this.#pod.metadata, [kind]);
    return armed === undefined ? undefined : (armed.message ?? usualMessage(kind, this.#pod));
  }

  async #keepRunning(container: Container): Promise<void> {
    for (let restarts = 0; !this.#terminating; restarts += 1) {
      const running = await this.#start(container);
      if (running === undefined) return;
      if (this.#terminating) await running.kill(); // deleted while it was being started
      this.#report.running(container.name, restarts);
      const attempt = new AbortController();
      const ready = this.#becomeReady(container, AbortSignal.any([attempt.signal, this.#life.signal]));
      const exitCode = await running.exited;
      attempt.abort();
      await ready;
      this.#containers.delete(container.name);
      const again = this.#restartsAfter(exitCode) && !this.#terminating;
      this.#report.exited(container.name, { exitCode, again });
      if (!again || !(await passed(restartDelayMs, this.#life.signal))) return;
    }
  }

  #restartsAfter(exitCode: number): boolean {
    const { restartPolicy } = this.#pod.spec;
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
  }

  async #start(container: Container): Promise<RunningContainer | undefined> {
    try {
      const image = findImage(container.image, this.#node.images);
      const spec = containerSpec(this.#node, { pod: this.#pod, container, image });
      const crashes = this.#failure('crash') !== undefined;
      const running = await this.#node.runtime.start(crashes ? { ...spec, command: ['false'] } : spec);
      this.#containers.set(container.name, running);
      this.#event('Normal', 'Started', `Started container ${container.name}`);
      return running;
    } catch (error) {
      this.#cannotStart(container, error as Error);
      return undefined;
    }
  }

  #cannotStart(container: Container, error: Error): void {
    if (error instanceof ContainerConfigError) {
      this.#report.waiting('CreateContainerConfigError', error.message);
    } else if (error instanceof CommandNotStarted) {
      this.#report.exited(container.name, {
        exitCode: 128,
        again: false,
        reason: 'StartError',
        message: error.message,
      });
    } else {
      this.#report.waiting('CreateContainerError', error.message);
    }
    this.#event('Warning', 'Failed', `Error: ${error.message}`);
  }

  async #becomeReady(container: Container, signal: AbortSignal): Promise<void> {
    if (this.#node.podFaults.take(this.#pod.metadata, ['neverReady']) !== undefined) {
      this.#event('Warning', 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503');
      await ended(signal);
      return;
    }
    const wiring = findImage(container.image, this.#node.images).wiring?.(this.#pod);
    if (!(await passed(this.#node.timesOf(this.#pod).startMs * 0.5, signal))) return;
    if (wiring !== undefined && !(await until(() => wiring.answers(), signal))) return;
    this.#report.ready(container.name);
  }

  #watchDeadline(): void {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    if (seconds === undefined) return;
    void passed(seconds * 1000, this.#life.signal).then(async (due) => {
      if (!due || this.#terminating) return;
      this.#terminating = true;
      this.#report.deadlineExceeded();
      this.#event(
        'Warning',
        'DeadlineExceeded',
        'Pod was active on the node longer than the specified deadline',
      );
      await this.crash();
    });
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, component = 'kubelet'): void {
    recordEvent(this.#node.store, this.#pod, { type, reason, message, component });
  }
}
