import { canonical } from '../api/canonical.ts';
import type { SandboxSettings } from '../options.ts';
import { registryUser } from '../registry/container.ts';
import type { KubeObject, PodTemplate } from './objects.ts';
import type { ObjectStore } from './store.ts';

/** Names that Domino's own charts use. */
export const names = {
  platform: 'domino-platform',
  compute: 'domino-compute',
  registry: 'docker-registry',
  secret: 'domino-registry',
  claim: 'docker-registry',
  config: 'docker-registry-config',
} as const;

/** The port that the registry's container listens on, and its Service. */
export const registryPort = 5000;

const selector = {
  'app.kubernetes.io/name': 'docker-registry',
  'app.kubernetes.io/instance': 'docker-registry',
};

/** Labels that the registry's Service selects its pods by. */
export const registrySelector: Readonly<Record<string, string>> = selector;

/** Puts into the cluster what a Domino installation has there. */
export function furnish(
  store: ObjectStore,
  {
    settings,
    user,
  }: { readonly settings: SandboxSettings; readonly user: { name: string; password: string } },
): void {
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  store.create('namespaces', namespace('kube-system'));
  store.create('namespaces', namespace('default'));
  store.create('namespaces', namespace(names.platform, settings.podSecurity ? restricted : {}));
  store.create('namespaces', namespace(names.compute));
  store.create('secrets', secret(user));
  store.create('configmaps', configMap('docker-registry-settings', { 'delete-enabled': 'false' }));
  store.create('configmaps', configMap(names.config, {}));
  store.create('services', service());
  if (settings.workloadKind === 'StatefulSet') {
    store.create('statefulsets', canonical({ model: 'V1StatefulSet' }, statefulSet(settings)));
  } else {
    store.create('deployments', canonical({ model: 'V1Deployment' }, deployment(settings)));
  }
}

function namespace(name: string, labels: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

function secret({ name, password }: { name: string; password: string }): KubeObject {
  const auth = Buffer.from(`${name}:${password}`).toString('base64');
  const auths = { [`${names.registry}:${registryPort}`]: { username: name, password, auth } };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: names.secret, namespace: names.compute },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  } as KubeObject;
}

function configMap(name: string, data: Record<string, string>): KubeObject {
  const metadata = { name, namespace: names.platform };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as KubeObject;
}

function service(): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: names.registry, namespace: names.platform, labels: selector },
    spec: {
      ...{ type: 'ClusterIP', clusterIP: '10.96.0.50', selector, sessionAffinity: 'None' },
      ports: [{ name: 'registry', port: registryPort, protocol: 'TCP', targetPort: registryPort }],
    },
    status: { loadBalancer: {} },
  };
}

function statefulSet(settings: SandboxSettings): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: names.registry, namespace: names.platform, labels: selector },
    spec: {
      ...{
        replicas: 1,
        serviceName: names.registry,
        podManagementPolicy: 'OrderedReady',
        revisionHistoryLimit: 10,
      },
      selector: { matchLabels: selector },
      template: template(settings),
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    },
    status: { replicas: 0, availableReplicas: 0 },
  } as KubeObject;
}

function deployment(settings: SandboxSettings): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: names.registry, namespace: names.platform, labels: selector },
    spec: {
      ...{ replicas: 1, progressDeadlineSeconds: 600, revisionHistoryLimit: 10 },
      selector: { matchLabels: selector },
      template: template(settings),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    },
    status: {},
  } as KubeObject;
}

const unprivileged = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };

/** A container beside the registry's, with an image that is not the registry's. */
const exporter = {
  name: 'exporter',
  image: 'quay.io/prometheus/node-exporter:v1.8.2',
  command: ['bash', '-c', 'trap "exit 0" TERM; sleep infinity & wait'],
  ports: [{ name: 'metrics', containerPort: 9100 }],
  securityContext: unprivileged,
};

function template({ registryEnv, sidecar }: SandboxSettings): PodTemplate {
  const user = {
    runAsUser: registryUser,
    runAsGroup: registryUser,
    fsGroup: registryUser,
    runAsNonRoot: true,
  };
  const annotations = { 'sidecar.istio.io/inject': 'false' };
  return {
    metadata: { labels: selector, annotations },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { ...user, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        ...(sidecar ? [exporter] : []),
        {
          name: 'registry',
          image: 'docker.io/library/registry:2.8.2',
          ports: [{ name: 'registry', containerPort: registryPort }],
          env: [{ name: 'REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED', value: 'false' }, ...registryEnv],
          readinessProbe: { tcpSocket: { port: registryPort }, periodSeconds: 5, failureThreshold: 3 },
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
          securityContext: unprivileged,
          volumeMounts: [
            { name: 'storage', mountPath: '/var/lib/registry' },
            { name: 'config', mountPath: '/etc/docker/registry' },
          ],
        },
      ],
      volumes: [
        { name: 'storage', persistentVolumeClaim: { claimName: names.claim } },
        { name: 'config', configMap: { name: names.config, defaultMode: 420 } },
      ],
    },
  };
}
