/** The Kubernetes adapter: everything that the program asks of a cluster, behind the ports. */
import type {
  Cluster,
  Dialer,
  GarbageCollector,
  ImagesInUsePort,
  LeasePort,
  OpenUploads,
  Shell,
  SkopeoPodPort,
  WorkloadPort,
} from '../../ports.ts';
import { createApiClient } from './api-client.ts';
import { type ClusterOptions, createCluster } from './cluster.ts';
import { createCollector } from './collector.ts';
import { createEndpoint } from './endpoint.ts';
import { createImagesInUse } from './in-use.ts';
import { type KubeconfigOptions, loadKubeconfig } from './kubeconfig.ts';
import { createLeasePort } from './lease.ts';
import { createOpenUploads } from './open-uploads.ts';
import { createPodDialer, type PodDialerOptions } from './pod-dialer.ts';
import type { PodManifestOptions } from './pod-manifest.ts';
import { createPodShell } from './pod-shell.ts';
import { createPortForwardDialer, type RegistryPort } from './port-forward.ts';
import { createRegistryShell } from './registry-shell.ts';
import { createSkopeoPod, type SkopeoPodOptions } from './skopeo-pod.ts';
import { createWorkloadPort, parseWorkloadName } from './workload.ts';

/** Times, in milliseconds; tests shorten them. */
const DEFAULT_TIMES = {
  /** For one request to the API server. */
  requestTimeoutMs: 30_000,
  /** Before another try of a request. */
  retryDelaysMs: [250, 500, 1000, 2000] as readonly number[],
  /** An image that cannot be pulled is given so long to come right. */
  startGraceMs: 45_000,
  /** A pod with less time left before its deadline is replaced. */
  deadlineMarginMs: 10 * 60_000,
  removeTimeoutMs: 60_000,
  pollMs: 500,
  pingIntervalMs: 15_000,
  /** Three pings without an answer. */
  silenceLimitMs: 45_000,
  /** A lease that is not renewed for so long has expired; whole seconds. */
  leaseDurationMs: 60_000,
  /** So long before that, its holder stops: for what is under way at that moment. */
  leaseMarginMs: 15_000,
  leaseRenewMs: 10_000,
  /** After a renewal that has failed. */
  leaseRetryMs: 2000,
  /** How often another's lease is looked at. */
  leasePollMs: 2000,
};

type Times = typeof DEFAULT_TIMES;

export interface ConnectOptions extends KubeconfigOptions, ClusterOptions {
  /** The namespace of the registry, and of the Skopeo pod. */
  readonly namespace: string;
  /** `docker-registry`, `statefulset/…` or `deployment/…`. */
  readonly registryWorkload: string;
  readonly pod: Omit<PodManifestOptions, 'namespace'> & Pick<SkopeoPodOptions, 'startTimeoutMs' | 'anyRun'>;
  /** The namespaces in which images are in use. Default: all. */
  readonly inUseNamespaces?: readonly string[];
  /** Told each different warning of the API server once. */
  readonly onWarning: (text: string) => void;
  readonly times?: Partial<Times>;
}

export interface Connection {
  readonly cluster: Cluster;
  readonly workload: WorkloadPort;
  readonly imagesInUse: ImagesInUsePort;
  readonly lease: LeasePort;
  readonly pod: SkopeoPodPort;
  readonly podShell: Shell;
  readonly openUploads: OpenUploads;
  readonly collector: GarbageCollector;
  /** Connections to the registry from inside the Skopeo pod. */
  podDialer(registry: Omit<PodDialerOptions, 'run'>): Dialer;
  /** Connections to the registry's own pod, through the API server. */
  portForward(registry: RegistryPort): Dialer;
}

/**
 * Reads the kubeconfig; nothing is asked of the cluster yet.
 *
 * @throws UsageError for a kubeconfig, context, proxy or workload name that is no good.
 */
export async function connectCluster(options: ConnectOptions): Promise<Connection> {
  const times: Times = { ...DEFAULT_TIMES, ...options.times };
  const { namespace, onWarning } = options;
  const workloadName = parseWorkloadName(options.registryWorkload);
  const endpoint = createEndpoint(await loadKubeconfig(options), times.requestTimeoutMs);
  const api = createApiClient(endpoint, { ...times, onWarning });
  const pod = createSkopeoPod(api, { ...times, ...options.pod, namespace });
  const sockets = { ...times, namespace, handshakeTimeoutMs: times.requestTimeoutMs };
  const podShell = createPodShell(endpoint, pod, sockets);
  const registryShell = createRegistryShell(endpoint, sockets);
  const workload = createWorkloadPort(api, namespace, workloadName);
  return {
    cluster: createCluster(api, endpoint.place, options),
    workload,
    imagesInUse: createImagesInUse(api, options.inUseNamespaces ?? []),
    lease: createLeasePort(api, { ...times, ...options.pod, namespace }),
    pod,
    podShell,
    openUploads: createOpenUploads(registryShell, workload),
    collector: createCollector(registryShell),
    podDialer: (registry) => createPodDialer(podShell, { ...registry, run: options.pod.run }),
    portForward: (registry) => createPortForwardDialer(endpoint, { ...sockets, ...registry, workload }),
  };
}
