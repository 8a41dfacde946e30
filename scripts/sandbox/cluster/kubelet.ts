import type { ContainerRuntime, RunningContainer } from '../runtime/runtime.ts';
import type { NodeResources } from './container-spec.ts';
import type { Image } from './images.ts';
import type { Pod } from './objects.ts';
import type { PodFaults } from './pod-faults.ts';
import { PodWorker } from './pod-worker.ts';
import type { Change } from './store.ts';

/** How long the parts of a pod's life take, in milliseconds. */
export interface PodTimes {
  readonly startMs: number;
  /** From the end of its processes until the pod is gone. */
  readonly lingerMs: number;
}

/** What all pods of the node share. */
export interface Node extends NodeResources {
  readonly runtime: ContainerRuntime;
  readonly images: readonly Image[];
  readonly podFaults: PodFaults;
  timesOf(pod: Pod): PodTimes;
}

/** Runs the containers of every pod in the store, as the agent of the one node there is. */
export class Kubelet {
  readonly #node: Node;
  readonly #workers = new Map<string, PodWorker>();
  readonly #unsubscribe: () => void;

  constructor(node: Node) {
    this.#node = node;
    this.#unsubscribe = node.store.subscribe((change) => this.#react(change));
  }

  /** A running container of a pod; undefined if it does not run (yet, or any more). */
  container(pod: Pod, name: string): RunningContainer | undefined {
    return this.#workers.get(pod.metadata.uid ?? '')?.running(name);
  }

  /** Ends the first process of a pod's containers, as if it had crashed; the pod stays. */
  async crash(pod: Pod): Promise<void> {
    await this.#workers.get(pod.metadata.uid ?? '')?.crash();
  }

  /** Ends every process of every pod. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all([...this.#workers.values()].map((worker) => worker.end()));
  }

  #react({ type, resource, object }: Change): void {
    if (resource !== 'pods') return;
    const pod = object as Pod;
    const uid = pod.metadata.uid ?? '';
    if (type === 'ADDED') {
      this.#workers.set(uid, new PodWorker(this.#node, pod));
    } else if (type === 'DELETED') {
      const worker = this.#workers.get(uid);
      void worker?.end().then(() => this.#workers.delete(uid));
    } else if (pod.metadata.deletionTimestamp !== undefined) {
      this.#workers.get(uid)?.shutDown(pod.metadata.deletionGracePeriodSeconds ?? 0);
    }
  }
}
