/** The adapter as tests want it: short times, settings of a run. */
import {
  type Connection,
  type ConnectOptions,
  connectCluster,
} from '../../../../src/adapters/kubernetes/connect.ts';

/** For waits that a failing test must not stretch for ever. */
export function timeLimit(durationMs = 120_000): AbortSignal {
  return AbortSignal.timeout(durationMs);
}

/** The pod of run-1. */
export const podSettings = {
  run: 'run-1',
  startedBy: 'ann@laptop',
  image: 'quay.io/skopeo/stable:v1.20.0',
  imagePullPolicy: 'IfNotPresent',
  activeDeadlineSeconds: 3600,
  concurrency: 8,
  startTimeoutMs: 60_000,
};

type Changes = Partial<Omit<ConnectOptions, 'pod'>> & { readonly pod?: Partial<ConnectOptions['pod']> };

export function connect(kubeconfig: string, changes: Changes = {}): Promise<Connection> {
  const { pod, times, ...rest } = changes;
  return connectCluster({
    kubeconfig,
    environment: {},
    namespace: 'domino-platform',
    secretNamespace: 'domino-compute',
    secretName: 'domino-registry',
    registry: 'docker-registry:5000',
    registryWorkload: 'docker-registry',
    onWarning: () => {},
    ...rest,
    pod: { ...podSettings, ...pod },
    times: { retryDelaysMs: [1, 1], pollMs: 20, startGraceMs: 0, ...times },
  });
}
