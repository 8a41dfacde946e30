/** The few requests about the Skopeo pod. */
import type { CoreV1EventList, V1Pod } from '@kubernetes/client-node';
import { plainText } from '../../domain/text.ts';
import type { ApiClient, Wire } from './api-client.ts';
import { ApiError, hasStatus } from './api-error.ts';
import { isAllowed } from './cluster.ts';
import { POD_NAME } from './pod-manifest.ts';
import { deleteOptions, type Target, targetPermissions, type Verb } from './target.ts';

/** A request about the pod of the fixed name. Creating cannot be scoped to a name in RBAC. */
export function podTarget(verb: Verb, namespace: string): Target {
  const target: Target = { verb, group: '', resource: 'pods', namespace };
  return verb === 'create' ? target : { ...target, name: POD_NAME };
}

/** Running a command in the pod of the fixed name, or in another one. */
export function execTarget(namespace: string, name = POD_NAME): Target {
  return { verb: 'create', group: '', resource: 'pods/exec', namespace, name };
}

export interface PodRequests {
  find(signal: AbortSignal): Promise<Wire<V1Pod> | undefined>;
  /** The new pod's UID; `undefined` when there is a pod of this name already. */
  create(manifest: V1Pod, signal: AbortSignal): Promise<string | undefined>;
  /** Deletes this very pod; nothing happens when it is gone already. */
  remove(pod: Wire<V1Pod>, signal: AbortSignal): Promise<void>;
  /** What the cluster's newest warning about the pod says; empty without one, or without the permission to read it. */
  newestWarning(pod: Wire<V1Pod>, signal: AbortSignal): Promise<string>;
}

export function createPodRequests(api: ApiClient, namespace: string): PodRequests {
  return {
    async find(signal) {
      try {
        return await api.request<V1Pod>(podTarget('get', namespace), signal);
      } catch (error) {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      }
    },

    async create(manifest, signal) {
      const target = podTarget('create', namespace);
      try {
        const { metadata } = await api.request<V1Pod>({ ...target, body: manifest }, signal);
        return metadata?.uid;
      } catch (error) {
        if (hasStatus(error, 409)) return undefined;
        throw await explainRefusal(api, { error, target }, signal);
      }
    },

    async remove({ metadata }, signal) {
      const body = deleteOptions(metadata?.uid ?? '');
      try {
        await api.request<V1Pod>({ ...podTarget('delete', namespace), body }, signal);
      } catch (error) {
        // 409: another pod bears the name by now.
        if (!hasStatus(error, 404) && !hasStatus(error, 409)) throw error;
      }
    },

    async newestWarning({ metadata }, signal) {
      const fieldSelector = `involvedObject.uid=${metadata?.uid ?? ''},type=Warning`;
      const target: Target = { verb: 'list', group: '', resource: 'events', namespace };
      try {
        const { items } = await api.request<CoreV1EventList>({ ...target, query: { fieldSelector } }, signal);
        const newest = items.toSorted((a, b) => (eventTime(a) < eventTime(b) ? 1 : -1))[0];
        return newest ? plainText(`${newest.reason ?? 'Warning'}: ${newest.message ?? ''}`) : '';
      } catch (error) {
        if (error instanceof ApiError) return '';
        throw error;
      }
    },
  };
}

/** 403 is RBAC's answer, but also that of a quota and of admission (a PodSecurity level, a webhook). */
async function explainRefusal(
  api: ApiClient,
  { error, target }: { error: unknown; target: Target },
  signal: AbortSignal,
): Promise<unknown> {
  if (hasStatus(error, 404)) return refusedBy(error, 'Name the namespace of the registry with --namespace.');
  if (!hasStatus(error, 403)) return error;
  const [permission] = targetPermissions(target, '');
  if (permission === undefined || !(await isAllowed(api, permission, signal))) return error;
  return refusedBy(
    error,
    "You may create pods there, but the namespace's quota or an admission policy rejects this one: see its words above.",
  );
}

function refusedBy(error: unknown, next: string): ApiError {
  const { message, status } = error as ApiError;
  return new ApiError(message, { ...(status && { status }), temporary: false, next, cause: error });
}

/** The API has kept the time of an event in three fields over the years. */
function eventTime(event: Wire<CoreV1EventList>['items'][number]): string {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? '';
}
