import { Access } from '../api/access.ts';
import { ApiFaults } from '../api/api-faults.ts';
import type { SandboxSettings } from '../options.ts';
import type { ContainerRuntime } from '../runtime/runtime.ts';
import type { Image } from './images.ts';
import { Kubelet, type PodTimes } from './kubelet.ts';
import type { KubeObject, Pod } from './objects.ts';
import { PodFaults } from './pod-faults.ts';
import { ObjectStore } from './store.ts';

/** What a cluster is made of. */
export interface ClusterParts {
  readonly settings: SandboxSettings;
  readonly runtime: ContainerRuntime;
  readonly images: readonly Image[];
  readonly directories: Readonly<Record<string, string>>;
}

/** The cluster behind the API: its objects, who may do what, and the node that runs its pods. */
export class Cluster {
  readonly settings: SandboxSettings;
  readonly store = new ObjectStore();
  readonly access = new Access();
  readonly podFaults = new PodFaults();
  readonly apiFaults = new ApiFaults();
  readonly kubelet: Kubelet;
  /** Calls that the API server did not know, as `METHOD /path`. */
  readonly unknownCalls: string[] = [];

  constructor({ settings, runtime, images, directories }: ClusterParts) {
    this.settings = settings;
    const { store, podFaults } = this;
    const timesOf = (pod: Pod) => this.#timesOf(pod);
    this.kubelet = new Kubelet({ store, podFaults, runtime, images, directories, timesOf });
  }

  /** An object as it is stored; looks in `domino-platform` unless told otherwise. */
  get<T extends KubeObject>(resource: string, name: string, namespace = 'domino-platform'): T | undefined {
    return this.store.get<T>({ resource, namespace, name });
  }

  /** Pods of all namespaces. */
  pods(): Pod[] {
    return this.store.list<Pod>('pods');
  }

  /** A workload's pods share the time of its rollout; a pod on its own only has to start. */
  #timesOf({ metadata }: Pod): PodTimes {
    const { rolloutMs, podStartMs } = this.settings;
    const owned = (metadata.ownerReferences ?? []).length > 0;
    return owned
      ? { startMs: rolloutMs * 0.5, lingerMs: rolloutMs * 0.3 }
      : { startMs: podStartMs, lingerMs: 0 };
  }
}
