import { admitPod } from '../api/admission.ts';
import { ApiError } from '../api/status.ts';
import type { Cluster } from './cluster.ts';
import { reconcileDeployment } from './deployment-controller.ts';
import { recordEvent } from './events.ts';
import type { Deployment, KubeObject, Pod, StatefulSet } from './objects.ts';
import { reconcileStatefulSet } from './stateful-set-controller.ts';
import type { Change } from './store.ts';

const reconcilers = {
  statefulsets: (cluster: Cluster, object: KubeObject, create: (pod: Pod) => void) =>
    reconcileStatefulSet(cluster.store, object as StatefulSet, create),
  deployments: (cluster: Cluster, object: KubeObject, create: (pod: Pod) => void) =>
    reconcileDeployment(cluster.store, object as Deployment, create),
} as const;

type Kind = keyof typeof reconcilers;

const resyncMs = 100;

/** Brings workloads and their pods together: soon after a pod changes, a while after a template does. */
export class Controllers {
  readonly #cluster: Cluster;
  readonly #unsubscribe: () => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #stopped = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#unsubscribe = cluster.store.subscribe((change) => this.#react(change));
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #react({ type, resource, object, previous }: Change): void {
    if (resource in reconcilers && type !== 'DELETED') {
      const changed = object.metadata.generation !== previous?.metadata.generation;
      // A controller takes a while to see a change: until then the status is about the old one.
      if (changed) this.#schedule(resource as Kind, object, this.#cluster.settings.rolloutMs * 0.2);
    } else if (resource === 'pods') {
      for (const kind of Object.keys(reconcilers) as Kind[]) {
        for (const workload of this.#cluster.store.list(kind, object.metadata.namespace))
          this.#schedule(kind, workload, 5);
      }
    }
  }

  #schedule(kind: Kind, { metadata }: KubeObject, delayMs: number): void {
    const { namespace = '', name } = metadata;
    const id = `${kind}/${namespace}/${name}`;
    if (this.#stopped || (this.#timers.has(id) && delayMs < resyncMs)) return;
    clearTimeout(this.#timers.get(id));
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      const workload = this.#cluster.store.get({ resource: kind, namespace, name });
      if (workload === undefined || this.#stopped) return;
      reconcilers[kind](this.#cluster, workload, (pod) => this.#createPod(kind, workload, pod));
    }, delayMs);
    this.#timers.set(id, timer);
  }

  #createPod(kind: Kind, workload: KubeObject, pod: Pod): void {
    try {
      this.#cluster.store.create('pods', admitPod(this.#cluster, pod));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const message = `create Pod ${pod.metadata.name} in ${workload.kind} ${workload.metadata.name} failed error: ${error.message}`;
      recordEvent(this.#cluster.store, workload, {
        ...{ type: 'Warning', reason: 'FailedCreate', message, component: `${kind}-controller` },
      });
      setTimeout(() => this.#schedule(kind, workload, 0), resyncMs).unref();
    }
  }
}
