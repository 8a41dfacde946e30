/** The pod in which Skopeo runs, as it is sent to the API server. */
import { createHash } from 'node:crypto';
import type { V1Container, V1Pod, V1PodSpec } from '@kubernetes/client-node';

/** Fixed, so that a Role can be scoped to it by `resourceNames`. */
export const POD_NAME = 'docker-registry-cleaner';
export const CONTAINER_NAME = 'skopeo';
export const RUN_LABEL = 'docker-registry-cleaner/run';
export const STARTED_BY_ANNOTATION = 'docker-registry-cleaner/started-by';
/** Tells a pod that was made with other settings (after a mistake in them, say) from one that can be adopted. */
export const SETTINGS_ANNOTATION = 'docker-registry-cleaner/settings';
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'docker-registry-cleaner';

/** The pod's only writable place: memory, gone with the pod. The registry's password is kept nowhere else. */
const MEMORY_PATH = '/run/cleaner';
/** The user `nobody` of distroless and of many other images; it need not exist in the image. */
const USER_ID = 65532;

/** A taint that the pod tolerates: with this value, or with any when there is none. */
interface PodToleration {
  readonly key: string;
  readonly value?: string;
  /** Every effect when there is none. */
  readonly effect?: string;
}

/** What runs in the pod: Skopeo, or tunnels to the registry. */
type PodWork = 'skopeo' | 'tunnels';

/** In MiB: for the pod as such, and for each of what runs at once. */
const MEMORY: Readonly<Record<PodWork, { readonly base: number; readonly each: number }>> = {
  // The memory folder and the shells; a Skopeo process without garbage collection has taken 57 when it looked at 400
  // tags, and it gets 32 at most.
  skopeo: { base: 256, each: 96 },
  // A tunnel itself takes half of one; the rest is for buffers of its connection, and, while it starts, for the
  // container runtime's own process, which is charged to the pod.
  tunnels: { base: 128, each: 32 },
};

export interface PodManifestOptions {
  readonly namespace: string;
  /** The run that the pod belongs to: 1 to 63 letters, digits, `-`, `_`, `.`. */
  readonly run: string;
  /** `user@host` of who started the run. */
  readonly startedBy: string;
  readonly image: string;
  /** `Always`, `IfNotPresent` or `Never`. */
  readonly imagePullPolicy: string;
  /** Names of Secrets. */
  readonly imagePullSecrets?: readonly string[];
  /** Additional ones; those that the pod needs outrank them. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly PodToleration[];
  /** Default: `skopeo`. */
  readonly runs?: PodWork;
  /** How many Skopeo processes, or tunnels, there may be at once: the pod's limits follow from it. */
  readonly concurrency: number;
  /** After this time the cluster ends the pod, even when nobody is left to delete it. */
  readonly activeDeadlineSeconds: number;
}

/** Satisfies PodSecurity `restricted` (Kubernetes documentation, "Pod Security Standards"). */
export function podManifest(options: PodManifestOptions): V1Pod {
  const spec = podSpec(options);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: POD_NAME,
      namespace: options.namespace,
      labels: { ...options.labels, ...labels(options.run) },
      annotations: {
        ...options.annotations,
        'sidecar.istio.io/inject': 'false',
        [STARTED_BY_ANNOTATION]: options.startedBy,
        [SETTINGS_ANNOTATION]: fingerprint(spec),
      },
    },
    spec,
  };
}

function podSpec(options: PodManifestOptions): V1PodSpec {
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: options.activeDeadlineSeconds,
    // Nothing in the pod has anything to finish, and `sleep` as process 1 ignores SIGTERM.
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...placement(options),
    securityContext: {
      runAsUser: USER_ID,
      runAsGroup: USER_ID,
      fsGroup: USER_ID,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container(options)],
    volumes: [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }],
  };
}

/** The live pod's spec is no use for comparing: the API server and admission webhooks add to it. */
function fingerprint(spec: V1PodSpec): string {
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16);
}

function labels(run: string): Record<string, string> {
  return {
    // The registry's NetworkPolicy lets in pods with this label.
    'docker-registry-client': 'true',
    'app.kubernetes.io/name': 'docker-registry-cleaner',
    'app.kubernetes.io/component': 'skopeo',
    [MANAGED_BY_LABEL]: MANAGED_BY,
    // Istio since 1.10 prefers the label, older ones know the annotation only.
    'sidecar.istio.io/inject': 'false',
    [RUN_LABEL]: run,
  };
}

function placement({ imagePullSecrets = [], nodeSelector = {}, tolerations = [] }: PodManifestOptions) {
  return {
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector: { ...nodeSelector } }),
    ...(tolerations.length > 0 && { tolerations: tolerations.map(toleration) }),
  };
}

function toleration({ key, value, effect }: PodToleration) {
  const how = value === undefined ? { operator: 'Exists' } : { operator: 'Equal', value };
  return { key, ...how, ...(effect && { effect }) };
}

function container(options: PodManifestOptions): V1Container {
  const { image, imagePullPolicy, activeDeadlineSeconds, runs = 'skopeo', concurrency } = options;
  const { base, each } = MEMORY[runs];
  return {
    name: CONTAINER_NAME,
    image,
    imagePullPolicy,
    // Longer than the deadline: it is the cluster that ends the pod.
    command: ['sleep', String(activeDeadlineSeconds + 3600)],
    env: [
      { name: 'HOME', value: MEMORY_PATH },
      { name: 'TMPDIR', value: MEMORY_PATH },
      { name: 'XDG_RUNTIME_DIR', value: MEMORY_PATH },
      { name: 'REGISTRY_AUTH_FILE', value: `${MEMORY_PATH}/auth.json` },
    ],
    resources: {
      requests: { cpu: '100m', memory: '128Mi' },
      limits: { cpu: '2', memory: `${base + concurrency * each}Mi` },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'memory', mountPath: MEMORY_PATH }],
  };
}
