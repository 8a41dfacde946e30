import { deletePod } from './deletion.ts';
import {
  type Deployment,
  isOwnedBy,
  isReady,
  isTerminating,
  type Pod,
  type ReplicaSet,
  timestamp,
} from './objects.ts';
import type { PodCreator } from './stateful-set-controller.ts';
import type { ObjectStore } from './store.ts';
import { controllerReference, podFromTemplate, templateHash } from './template.ts';

const hashLabel = 'pod-template-hash';
const revisionAnnotation = 'deployment.kubernetes.io/revision';

/**
 * One round of the Deployment controller: a ReplicaSet for each version of the template; with
 * `RollingUpdate` the new pod is ready before the old one goes, with `Recreate` the old one is gone
 * before the new one comes.
 */
export function reconcileDeployment(store: ObjectStore, deployment: Deployment, createPod: PodCreator): void {
  const round = new Round(store, deployment, createPod);
  if (deployment.spec.paused !== true) round.step();
  round.writeStatus();
}

class Round {
  readonly #store: ObjectStore;
  readonly #deployment: Deployment;
  readonly #createPod: PodCreator;
  readonly #hash: string;

  constructor(store: ObjectStore, deployment: Deployment, createPod: PodCreator) {
    this.#store = store;
    this.#deployment = deployment;
    this.#createPod = createPod;
    this.#hash = templateHash(deployment.spec.template);
  }

  step(): void {
    const set = this.#replicaSet();
    const pods = this.#pods();
    const old = pods.filter((pod) => hashOf(pod) !== this.#hash);
    const own = pods.filter((pod) => hashOf(pod) === this.#hash && !isTerminating(pod));
    const { replicas, strategy } = this.#deployment.spec;
    if (strategy.type === 'Recreate' && old.length > 0) {
      for (const pod of old) this.#delete(pod);
      return;
    }
    for (let missing = replicas - own.length; missing > 0; missing -= 1) this.#create(set);
    const spare = own.filter(isReady).length;
    // An old pod goes for each new one that is ready; pods that never were ready go first.
    const doomed = old.filter((pod) => !isReady(pod) || spare >= replicas);
    for (const pod of doomed) this.#delete(pod);
    for (const pod of own.slice(replicas)) this.#delete(pod);
  }

  writeStatus(): void {
    const { metadata, spec } = this.#deployment;
    // Pods that are being deleted do not count: that nothing old is left shows in the pods only.
    const alive = this.#pods().filter((pod) => !isTerminating(pod));
    const updated = alive.filter((pod) => hashOf(pod) === this.#hash);
    const ready = alive.filter(isReady).length;
    const complete =
      updated.length === spec.replicas && updated.every(isReady) && alive.length === updated.length;
    const counted = {
      replicas: alive.length,
      updatedReplicas: updated.length,
      readyReplicas: ready,
      availableReplicas: ready,
      unavailableReplicas: Math.max(0, Math.max(spec.replicas, alive.length) - ready),
    };
    this.#store.modify<Deployment>(keyOf(this.#deployment), (current) => {
      const conditions = this.#conditions(complete, ready >= spec.replicas);
      const before = current.status.conditions ?? [];
      current.status = {
        observedGeneration: metadata.generation ?? 0,
        ...Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0)),
        conditions: conditions.map((condition) => {
          const same = before.find(
            ({ type, status }) => type === condition.type && status === condition.status,
          );
          return { ...condition, lastTransitionTime: same?.lastTransitionTime ?? timestamp() };
        }),
      };
      current.metadata.annotations = {
        ...current.metadata.annotations,
        [revisionAnnotation]: this.#replicaSet().metadata.annotations?.[revisionAnnotation] ?? '1',
      };
    });
  }

  #conditions(complete: boolean, available: boolean) {
    const name = `${this.#deployment.metadata.name}-${this.#hash}`;
    const progress = complete
      ? { reason: 'NewReplicaSetAvailable', message: `ReplicaSet "${name}" has successfully progressed.` }
      : { reason: 'ReplicaSetUpdated', message: `ReplicaSet "${name}" is progressing.` };
    const availability = available
      ? { status: 'True' as const, reason: 'MinimumReplicasAvailable' }
      : { status: 'False' as const, reason: 'MinimumReplicasUnavailable' };
    return [
      { type: 'Available', ...availability },
      { type: 'Progressing', status: 'True' as const, ...progress },
    ];
  }

  #pods(): Pod[] {
    const { namespace = '' } = this.#deployment.metadata;
    const sets = this.#store
      .list<ReplicaSet>('replicasets', namespace)
      .filter((set) => isOwnedBy(set, this.#deployment));
    return this.#store.list<Pod>('pods', namespace).filter((pod) => sets.some((set) => isOwnedBy(pod, set)));
  }

  #replicaSet(): ReplicaSet {
    const { metadata, spec } = this.#deployment;
    const { namespace = '' } = metadata;
    const name = `${metadata.name}-${this.#hash}`;
    const found = this.#store.get<ReplicaSet>({ resource: 'replicasets', namespace, name });
    if (found !== undefined) return found;
    const revision = String(this.#store.list('replicasets', namespace).length + 1);
    return this.#store.create<ReplicaSet>('replicasets', {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        ...{ name, namespace, ownerReferences: [controllerReference(this.#deployment)] },
        labels: { ...spec.template.metadata.labels, [hashLabel]: this.#hash },
        annotations: { [revisionAnnotation]: revision },
      },
      spec: { replicas: spec.replicas, selector: spec.selector, template: spec.template },
      status: { replicas: 0 },
    });
  }

  #create(set: ReplicaSet): void {
    const suffix = Math.random().toString(36).slice(2, 7).padEnd(5, 'x');
    const name = `${set.metadata.name}-${suffix}`;
    this.#createPod(
      podFromTemplate(set.spec.template, { name, owner: set, labels: { [hashLabel]: this.#hash } }),
    );
  }

  #delete(pod: Pod): void {
    if (!isTerminating(pod)) deletePod(this.#store, pod);
  }
}

function hashOf({ metadata }: Pod): string | undefined {
  return metadata.labels?.[hashLabel];
}

function keyOf({ metadata: { namespace = '', name } }: Deployment) {
  return { resource: 'deployments', namespace, name };
}
