/** What RBAC calls the kinds of requests. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** A kind of object that the sandbox's API server has. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames?: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources?: readonly string[];
  /** Name of the client's model class, which knows every field of the real API. */
  readonly model: string;
}

const read = ['get', 'list', 'watch'] as const;
const core = { group: '', version: 'v1', namespaced: true };
const apps = { group: 'apps', version: 'v1', namespaced: true };
const batch = { group: 'batch', version: 'v1', namespaced: true };

/** Every resource, and every verb, that is answered; anything else is refused and recorded. */
export const resources: readonly Resource[] = [
  {
    ...core,
    plural: 'namespaces',
    singular: 'namespace',
    kind: 'Namespace',
    shortNames: ['ns'],
    namespaced: false,
    verbs: read,
    model: 'V1Namespace',
  },
  {
    ...core,
    plural: 'pods',
    singular: 'pod',
    kind: 'Pod',
    shortNames: ['po'],
    verbs: [...read, 'create', 'update', 'patch', 'delete'],
    subresources: ['exec', 'portforward', 'status'],
    model: 'V1Pod',
  },
  { ...core, plural: 'secrets', singular: 'secret', kind: 'Secret', verbs: read, model: 'V1Secret' },
  {
    ...core,
    plural: 'configmaps',
    singular: 'configmap',
    kind: 'ConfigMap',
    shortNames: ['cm'],
    verbs: read,
    model: 'V1ConfigMap',
  },
  {
    ...core,
    plural: 'services',
    singular: 'service',
    kind: 'Service',
    shortNames: ['svc'],
    verbs: read,
    model: 'V1Service',
  },
  {
    ...core,
    plural: 'events',
    singular: 'event',
    kind: 'Event',
    shortNames: ['ev'],
    verbs: [...read, 'create'],
    model: 'CoreV1Event',
  },
  {
    ...apps,
    plural: 'statefulsets',
    singular: 'statefulset',
    kind: 'StatefulSet',
    shortNames: ['sts'],
    verbs: [...read, 'create', 'update', 'patch'],
    subresources: ['status'],
    model: 'V1StatefulSet',
  },
  {
    ...apps,
    plural: 'deployments',
    singular: 'deployment',
    kind: 'Deployment',
    shortNames: ['deploy'],
    verbs: [...read, 'create', 'update', 'patch'],
    subresources: ['status'],
    model: 'V1Deployment',
  },
  {
    ...apps,
    plural: 'replicasets',
    singular: 'replicaset',
    kind: 'ReplicaSet',
    shortNames: ['rs'],
    verbs: [...read, 'create'],
    model: 'V1ReplicaSet',
  },
  {
    ...apps,
    plural: 'daemonsets',
    singular: 'daemonset',
    kind: 'DaemonSet',
    shortNames: ['ds'],
    verbs: [...read, 'create', 'delete'],
    model: 'V1DaemonSet',
  },
  {
    ...apps,
    plural: 'controllerrevisions',
    singular: 'controllerrevision',
    kind: 'ControllerRevision',
    verbs: read,
    model: 'V1ControllerRevision',
  },
  {
    ...batch,
    plural: 'jobs',
    singular: 'job',
    kind: 'Job',
    verbs: [...read, 'create', 'delete'],
    model: 'V1Job',
  },
  {
    ...batch,
    plural: 'cronjobs',
    singular: 'cronjob',
    kind: 'CronJob',
    shortNames: ['cj'],
    verbs: [...read, 'create', 'delete'],
    model: 'V1CronJob',
  },
  {
    group: 'coordination.k8s.io',
    version: 'v1',
    plural: 'leases',
    singular: 'lease',
    kind: 'Lease',
    namespaced: true,
    verbs: [...read, 'create', 'update', 'patch', 'delete'],
    model: 'V1Lease',
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectaccessreviews',
    singular: 'selfsubjectaccessreview',
    kind: 'SelfSubjectAccessReview',
    namespaced: false,
    verbs: ['create'],
    model: 'V1SelfSubjectAccessReview',
  },
];

/** `apps/v1`, or `v1` in the group without a name. */
export function apiVersion({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** What a request's path names. */
export interface Target {
  readonly resource: Resource;
  readonly namespace: string;
  /** '' for the collection. */
  readonly name: string;
  readonly subresource: string;
}

/** Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`; undefined for a path that leads nowhere. */
export function parsePath(path: string): Target | undefined {
  const words = path.split('/').slice(1).map(decodeURIComponent);
  const group = words.shift() === 'api' ? '' : (words.shift() ?? '');
  const version = words.shift();
  const inNamespace = words[0] === 'namespaces' && words.length > 2;
  const namespace = inNamespace ? (words.splice(0, 2)[1] ?? '') : '';
  const [plural, name = '', subresource = '', ...rest] = words;
  const resource = resources.find(
    (candidate) => candidate.group === group && candidate.version === version && candidate.plural === plural,
  );
  if (resource === undefined || rest.length > 0) return undefined;
  if (inNamespace !== resource.namespaced && (inNamespace || name !== '')) return undefined;
  if (subresource !== '' && !resource.subresources?.includes(subresource)) return undefined;
  return { resource, namespace, name, subresource };
}
