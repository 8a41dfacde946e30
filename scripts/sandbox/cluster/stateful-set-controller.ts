import { deletePod } from './deletion.ts';
import { isOwnedBy, isReady, isTerminating, type KubeObject, type Pod, type StatefulSet } from './objects.ts';
import type { ObjectStore } from './store.ts';
import { controllerReference, podFromTemplate, templateHash } from './template.ts';

/** How new pods get into the store: admitted and with defaults, or refused. */
export type PodCreator = (pod: Pod) => void;

const revisionLabel = 'controller-revision-hash';

/**
 * One round of the StatefulSet controller, as in pkg/controller/statefulset: status first, then at
 * most one step towards what is asked for. With `OrderedReady` a pod that is not ready stops every
 * further step, the replacing of that very pod included: that is how a StatefulSet hangs.
 */
export function reconcileStatefulSet(store: ObjectStore, set: StatefulSet, createPod: PodCreator): void {
  const round = new Round(store, set, createPod);
  round.step();
  round.writeStatus();
}

class Round {
  readonly #store: ObjectStore;
  readonly #set: StatefulSet;
  readonly #createPod: PodCreator;
  readonly #update: string;
  readonly #current: string;

  constructor(store: ObjectStore, set: StatefulSet, createPod: PodCreator) {
    this.#store = store;
    this.#set = set;
    this.#createPod = createPod;
    this.#update = `${set.metadata.name}-${templateHash(set.spec.template)}`;
    this.#current = set.status.currentRevision ?? this.#update;
    this.#recordRevision();
  }

  step(): void {
    const { replicas, podManagementPolicy, updateStrategy } = this.#set.spec;
    const ordered = podManagementPolicy !== 'Parallel';
    const pods = this.#pods();
    const ordinals = Array.from({ length: replicas }, (_, ordinal) => ordinal);
    for (const ordinal of ordinals) {
      const pod = pods.get(ordinal);
      if (pod === undefined) this.#create(ordinal);
      else if (pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded') deletePod(this.#store, pod);
      if (ordered && (pod === undefined || isTerminating(pod) || !isReady(pod))) return;
    }
    const surplus = [...pods].filter(([ordinal]) => ordinal >= replicas).map(([, pod]) => pod);
    for (const pod of surplus) this.#delete(pod);
    if (updateStrategy.type === 'OnDelete') return;
    const partition = updateStrategy.rollingUpdate?.partition ?? 0;
    for (const ordinal of ordinals.slice(partition).reverse()) {
      const pod = pods.get(ordinal);
      if (pod !== undefined && revisionOf(pod) !== this.#update && !isTerminating(pod)) {
        this.#delete(pod);
        return;
      }
      if (pod === undefined || isTerminating(pod) || !isReady(pod)) return;
    }
  }

  writeStatus(): void {
    const { metadata, spec } = this.#set;
    const pods = [...this.#pods().values()];
    const alive = pods.filter((pod) => !isTerminating(pod));
    const ready = pods.filter(isReady).length;
    const updated = alive.filter((pod) => revisionOf(pod) === this.#update).length;
    const over =
      spec.updateStrategy.type === 'RollingUpdate' &&
      [updated, ready, pods.length].every((n) => n === spec.replicas);
    const current = over ? this.#update : this.#current;
    const inCurrent = alive.filter((pod) => revisionOf(pod) === current).length;
    const counted = { readyReplicas: ready, currentReplicas: inCurrent, updatedReplicas: updated };
    this.#store.modify<StatefulSet>(keyOf(this.#set), (set) => {
      set.status = {
        observedGeneration: metadata.generation ?? 0,
        replicas: pods.length,
        ...Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0)),
        availableReplicas: ready,
        currentRevision: current,
        updateRevision: this.#update,
        collisionCount: 0,
      };
    });
  }

  #pods(): Map<number, Pod> {
    const { namespace = '', name } = this.#set.metadata;
    const own = this.#store.list<Pod>('pods', namespace).filter((pod) => isOwnedBy(pod, this.#set));
    return new Map(own.map((pod) => [Number(pod.metadata.name.slice(name.length + 1)), pod]));
  }

  #create(ordinal: number): void {
    const revision = this.#needsCurrent(ordinal) ? this.#current : this.#update;
    const { name } = this.#set.metadata;
    const labels = {
      [revisionLabel]: revision,
      'apps.kubernetes.io/pod-index': String(ordinal),
      'statefulset.kubernetes.io/pod-name': `${name}-${ordinal}`,
    };
    this.#createPod(
      podFromTemplate(this.#template(revision), { name: `${name}-${ordinal}`, owner: this.#set, labels }),
    );
  }

  /** A pod below the partition, or one that only came to be missing, is made as it was. */
  #needsCurrent(ordinal: number): boolean {
    const { type, rollingUpdate } = this.#set.spec.updateStrategy;
    if (type !== 'RollingUpdate') return false;
    if (rollingUpdate?.partition !== undefined) return ordinal < rollingUpdate.partition;
    return ordinal < (this.#set.status.currentReplicas ?? 0);
  }

  #delete(pod: Pod): void {
    if (!isTerminating(pod)) deletePod(this.#store, pod);
  }

  #recordRevision(): void {
    const { namespace = '' } = this.#set.metadata;
    if (this.#store.get({ resource: 'controllerrevisions', namespace, name: this.#update }) !== undefined)
      return;
    this.#store.create('controllerrevisions', {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name: this.#update, namespace, ownerReferences: [controllerReference(this.#set)] },
      data: { spec: { template: this.#set.spec.template } },
      revision: this.#store.list('controllerrevisions', namespace).length + 1,
    } as KubeObject);
  }

  #template(revision: string) {
    const { namespace = '' } = this.#set.metadata;
    type Recorded = KubeObject & { data: { spec: Pick<StatefulSet['spec'], 'template'> } };
    const recorded = this.#store.get<Recorded>({
      resource: 'controllerrevisions',
      namespace,
      name: revision,
    });
    return recorded?.data.spec.template ?? this.#set.spec.template;
  }
}

function revisionOf({ metadata }: Pod): string | undefined {
  return metadata.labels?.[revisionLabel];
}

function keyOf({ metadata: { namespace = '', name } }: StatefulSet) {
  return { resource: 'statefulsets', namespace, name };
}
