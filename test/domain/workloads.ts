/** The registry's workload: as an object on the wire, as the domain sees it, and its pods. */
import type {
  EnvEntry,
  Workload,
  WorkloadContainer,
  WorkloadPod,
  WorkloadStatus,
} from '../../src/domain/workload.ts';

interface WireContainer {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly EnvEntry[];
  readonly resources?: object;
}

/** As the API server holds it, as far as a patch can touch it. */
export interface WireWorkload {
  readonly metadata: { readonly resourceVersion: string; readonly annotations?: Record<string, string> };
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly WireContainer[] } } };
}

export function wireWorkload(
  containers: readonly WireContainer[],
  annotations?: Record<string, string>,
): WireWorkload {
  return {
    metadata: { resourceVersion: '100', ...(annotations && { annotations }) },
    spec: { template: { spec: { containers } } },
  };
}

/** The registry's container. Fields come in the order in which an API server writes them, `env` in the middle. */
export function wireContainer(env?: readonly EnvEntry[], name = 'registry'): WireContainer {
  return { name, image: 'registry:2.8.2', ...(env && { env }), resources: {} };
}

/** What the domain gets to see of an object. */
export function read({ metadata, spec }: WireWorkload): Workload {
  return workload({
    resourceVersion: metadata.resourceVersion,
    annotations: metadata.annotations,
    containers: spec.template.spec.containers.map(({ name, image, env }) => ({
      name,
      image,
      ports: [],
      env,
    })),
  });
}

/** A StatefulSet with one replica, its rollout over, unless said otherwise. */
export function workload(differing: Partial<Workload> = {}): Workload {
  return {
    kind: 'StatefulSet',
    namespace: 'domino-platform',
    name: 'docker-registry',
    uid: 'u-1',
    resourceVersion: '100',
    generation: 2,
    annotations: undefined,
    replicas: 1,
    updateStrategy: 'RollingUpdate',
    partition: 0,
    paused: false,
    ownVolumes: false,
    containers: [container()],
    status: status(),
    ...differing,
  };
}

export function status(differing: Partial<WorkloadStatus> = {}): WorkloadStatus {
  return {
    observedGeneration: 2,
    replicas: 1,
    updatedReplicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    currentRevision: 'r2',
    updateRevision: 'r2',
    ...differing,
  };
}

export function container(differing: Partial<WorkloadContainer> = {}): WorkloadContainer {
  return { name: 'registry', image: 'registry:2.8.2', ports: [5000], env: undefined, ...differing };
}

/** A ready pod, unless said otherwise. */
export function pod(differing: Partial<WorkloadPod> = {}): WorkloadPod {
  return {
    name: 'docker-registry-0',
    uid: 'p-1',
    ready: true,
    terminating: false,
    revision: 'r2',
    containers: [container()],
    trouble: '',
    ...differing,
  };
}
