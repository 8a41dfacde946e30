/**
 * The registry's workload as far as this program looks at it. Mirrors `apps/v1` (Kubernetes API reference:
 * StatefulSet, Deployment), reduced to what decides about a deletion switch and its rollout.
 */

/** One entry of a container's `env`, exactly as the API server holds it. */
export interface EnvEntry {
  readonly name: string;
  readonly value?: string;
  /** A reference (`secretKeyRef`, `configMapKeyRef`, `fieldRef`, …), kept as it is. */
  readonly valueFrom?: Readonly<Record<string, unknown>>;
}

export interface WorkloadContainer {
  readonly name: string;
  readonly image: string;
  /** `containerPort`s. */
  readonly ports: readonly number[];
  /** `undefined` when the template has no `env` at all, which differs from an empty list in a JSON patch. */
  readonly env: readonly EnvEntry[] | undefined;
}

export type WorkloadKind = 'StatefulSet' | 'Deployment';

export interface Workload {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** `undefined` when the object has no annotations at all. */
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** `spec.replicas`. */
  readonly replicas: number;
  /** `RollingUpdate`, `OnDelete` or `Recreate`. */
  readonly updateStrategy: string;
  /** `spec.updateStrategy.rollingUpdate.partition` of a StatefulSet; 0 otherwise. */
  readonly partition: number;
  /** A Deployment's `spec.paused`. */
  readonly paused: boolean;
  /** A StatefulSet whose pods have a volume each (`volumeClaimTemplates`). */
  readonly ownVolumes: boolean;
  readonly containers: readonly WorkloadContainer[];
  readonly status: WorkloadStatus;
}

/** `StatefulSet docker-registry in namespace domino-platform`. */
export function describe(workload: Pick<Workload, 'kind' | 'name' | 'namespace'>): string {
  return `${workload.kind} ${workload.name} in namespace ${workload.namespace}`;
}

/** Counters that the controller leaves out are 0, revisions that it leaves out are empty. */
export interface WorkloadStatus {
  readonly observedGeneration: number;
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly currentRevision: string;
  readonly updateRevision: string;
}

/** One pod that the workload owns (directly, or through a ReplicaSet). */
export interface WorkloadPod {
  readonly name: string;
  readonly uid: string;
  readonly ready: boolean;
  /** `metadata.deletionTimestamp` is set. */
  readonly terminating: boolean;
  /** Label `controller-revision-hash` (StatefulSet) or `pod-template-hash` (Deployment); empty without one. */
  readonly revision: string;
  readonly containers: readonly WorkloadContainer[];
  /** Why it is not ready, in the cluster's own words ("ImagePullBackOff: …"); empty when it is. */
  readonly trouble: string;
}

/** One operation of RFC 6902. */
export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };
export type JsonPatch = readonly JsonPatchOperation[];
