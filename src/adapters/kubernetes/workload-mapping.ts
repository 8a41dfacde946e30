/** Turns `apps/v1` objects and pods, as they are on the wire, into the domain's workload. */
import type {
  V1Container,
  V1Deployment,
  V1LabelSelector,
  V1Pod,
  V1StatefulSet,
} from '@kubernetes/client-node';
import type {
  EnvEntry,
  Workload,
  WorkloadContainer,
  WorkloadKind,
  WorkloadPod,
  WorkloadStatus,
} from '../../domain/workload.ts';
import type { Wire } from './api-client.ts';
import { whyNotReady } from './pod-trouble.ts';

/** A StatefulSet or a Deployment, as the API server answers it. */
export type WireWorkload = Wire<V1StatefulSet> | Wire<V1Deployment>;

export function toWorkload(kind: WorkloadKind, object: WireWorkload): Workload {
  const { metadata = {}, spec } = object;
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    generation: metadata.generation ?? 0,
    annotations: metadata.annotations,
    // The API server fills in 1 where nothing is said.
    replicas: spec?.replicas ?? 1,
    ...strategy(kind, object),
    containers: (spec?.template.spec?.containers ?? []).map(toContainer),
    status: toStatus(object),
  };
}

function strategy(
  kind: WorkloadKind,
  object: WireWorkload,
): Pick<Workload, 'updateStrategy' | 'partition' | 'paused' | 'ownVolumes'> {
  if (kind === 'Deployment') {
    const { spec } = object as Wire<V1Deployment>;
    return {
      updateStrategy: spec?.strategy?.type ?? 'RollingUpdate',
      partition: 0,
      paused: spec?.paused === true,
      ownVolumes: false,
    };
  }
  const { spec } = object as Wire<V1StatefulSet>;
  return {
    updateStrategy: spec?.updateStrategy?.type ?? 'RollingUpdate',
    partition: spec?.updateStrategy?.rollingUpdate?.partition ?? 0,
    paused: false,
    ownVolumes: (spec?.volumeClaimTemplates ?? []).length > 0,
  };
}

function toStatus({ status }: WireWorkload): WorkloadStatus {
  const revisions = (status ?? {}) as Partial<Wire<NonNullable<V1StatefulSet['status']>>>;
  return {
    observedGeneration: status?.observedGeneration ?? 0,
    replicas: status?.replicas ?? 0,
    updatedReplicas: status?.updatedReplicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    availableReplicas: status?.availableReplicas ?? 0,
    currentRevision: revisions.currentRevision ?? '',
    updateRevision: revisions.updateRevision ?? '',
  };
}

function toContainer({ name, image, ports, env }: Wire<V1Container>): WorkloadContainer {
  return {
    name,
    image: image ?? '',
    ports: (ports ?? []).map(({ containerPort }) => containerPort),
    // As it is: the entries' order and fields that we do not know belong to what is put back.
    env: env as readonly EnvEntry[] | undefined,
  };
}

export function toPod(pod: Wire<V1Pod>): WorkloadPod {
  const { metadata = {}, status } = pod;
  const ready = status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
  const { labels = {} } = metadata;
  return {
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    ready,
    terminating: metadata.deletionTimestamp !== undefined,
    revision: labels['controller-revision-hash'] ?? labels['pod-template-hash'] ?? '',
    containers: (pod.spec?.containers ?? []).map(toContainer),
    trouble: ready ? '' : whyNotReady(pod),
  };
}

/**
 * A Deployment leaves pods behind that were evicted, or ended otherwise, and has others in their place. (A StatefulSet
 * replaces them itself.)
 */
export function isLeftBehind(pod: Wire<V1Pod>, { kind }: Pick<Workload, 'kind'>): boolean {
  return kind === 'Deployment' && (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded');
}

/**
 * Whether the pod belongs to the workload: directly, or through a ReplicaSet, whose name the Deployment controller
 * makes of the Deployment's and the pod's template hash (so that nobody needs the permission to read ReplicaSets).
 */
export function isOwned(pod: Wire<V1Pod>, workload: Pick<Workload, 'kind' | 'name' | 'uid'>): boolean {
  const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return false;
  if (workload.kind === 'StatefulSet') return owner.kind === 'StatefulSet' && owner.uid === workload.uid;
  const hash = pod.metadata?.labels?.['pod-template-hash'];
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name === `${workload.name}-${hash}`;
}

/** A label selector as a query parameter writes it (Kubernetes documentation, "Labels and Selectors"). */
export function selectorText(selector: Wire<V1LabelSelector> | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return key;
    }
  });
  return [...labels, ...expressions].join(',');
}
