/** What a request to the API server is about, in the words of RBAC; the path and the HTTP method follow from it. */
import type { Permission } from '../../domain/permissions.ts';

export type Verb = 'get' | 'list' | 'create' | 'patch' | 'delete';

/** Kubernetes documentation, "Authorization overview": request verbs. */
export const METHODS = {
  get: 'GET',
  list: 'GET',
  create: 'POST',
  patch: 'PATCH',
  delete: 'DELETE',
} as const satisfies Record<Verb, string>;

export interface Target {
  readonly verb: Verb;
  /** API group; empty for the core group. Everything here is of version v1. */
  readonly group: string;
  /** Plural resource, with its subresource: `pods`, `pods/exec`. */
  readonly resource: string;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  readonly name?: string;
}

/** What is spoken over a WebSocket. */
const STREAMS: ReadonlySet<string> = new Set(['pods/exec', 'pods/portforward']);

/** The path of the target's URL, every part of it escaped. */
export function targetPath({ group, resource, namespace, name }: Target): string {
  const [plural = '', subresource] = resource.split('/');
  const segments = [
    ...(group === '' ? ['api', 'v1'] : ['apis', group, 'v1']),
    ...(namespace === '' ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/** `patch statefulsets.apps docker-registry in namespace domino-platform`. */
export function describeTarget({ verb, group, resource, namespace, name }: Target): string {
  const what = group === '' ? resource : `${resource}.${group}`;
  const which = name === undefined ? '' : ` ${name}`;
  return `${verb} ${what}${which}${namespace === '' ? '' : ` in namespace ${namespace}`}`;
}

/**
 * The permissions that the target needs. An exec or a port-forward over a WebSocket is a GET to RBAC, and API servers
 * since 1.35 check it as a create, too.
 */
export function targetPermissions({ verb, name, ...rest }: Target, why: string): Permission[] {
  const { group, resource, namespace } = rest;
  const verbs: readonly Verb[] = STREAMS.has(resource) ? ['create', 'get'] : [verb];
  const which = name === undefined ? {} : { name };
  return verbs.map((each) => ({ verb: each, group, resource, namespace, ...which, why }));
}

/** The body of a deletion that goes wrong (409) unless the object is still the one with this UID, and this version. */
export function deleteOptions(uid: string, resourceVersion?: string) {
  const version = resourceVersion === undefined ? {} : { resourceVersion };
  return { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, ...version } };
}
