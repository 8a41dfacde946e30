import type { Container, Pod, PodSpec } from '../cluster/objects.ts';

/** Fills in what the API server fills in for a pod template, and changes nothing that is there. */
export function defaultPodSpec(spec: PodSpec): PodSpec {
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
    containers: spec.containers.map(defaultContainer),
  };
}

function defaultContainer(container: Container): Container {
  const { env, ports, ...rest } = container;
  return {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: followsLatest(container.image) ? 'Always' : 'IfNotPresent',
    ...rest,
    ...(env === undefined ? {} : { env: env.map(defaultReference) }),
    ...(ports === undefined ? {} : { ports: ports.map((port) => ({ protocol: 'TCP', ...port })) }),
  };
}

function defaultReference(entry: NonNullable<Container['env']>[number]) {
  const { fieldRef } = entry.valueFrom ?? {};
  if (fieldRef === undefined) return entry;
  return { ...entry, valueFrom: { fieldRef: { apiVersion: 'v1', ...fieldRef } } };
}

/** An image without a tag, or with `:latest`, is pulled anew each time. */
function followsLatest(image: string): boolean {
  const name = image.slice(image.lastIndexOf('/') + 1);
  return !name.includes('@') && (!name.includes(':') || name.endsWith(':latest'));
}

/** Fills in what the API server and its admission plugins fill in for a pod of its own. */
export function defaultPod(pod: Pod): Pod {
  const spec = defaultPodSpec({
    serviceAccountName: 'default',
    serviceAccount: 'default',
    enableServiceLinks: true,
    priority: 0,
    preemptionPolicy: 'PreemptLowerPriority',
    ...pod.spec,
  });
  const patience = ['not-ready', 'unreachable'].map((what) => ({
    key: `node.kubernetes.io/${what}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 300,
  }));
  const tolerations = [...((pod.spec['tolerations'] as object[] | undefined) ?? []), ...patience];
  const automount = pod.spec.automountServiceAccountToken !== false;
  return {
    ...pod,
    spec: { ...(automount ? withServiceAccountToken(spec) : spec), tolerations },
    status: { phase: 'Pending', qosClass: 'Burstable' },
  };
}

/** What the ServiceAccount admission plugin adds unless the pod says that it wants no token. */
function withServiceAccountToken(spec: PodSpec): PodSpec {
  const name = 'kube-api-access-sandbox';
  const mount = { name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  const sources = [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }];
  return {
    ...spec,
    volumes: [...(spec.volumes ?? []), { name, projected: { sources, defaultMode: 420 } }],
    containers: spec.containers.map((container) => ({
      ...container,
      volumeMounts: [...(container.volumeMounts ?? []), mount],
    })),
  };
}
