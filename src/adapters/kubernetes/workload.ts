/** The registry's workload: a StatefulSet or a Deployment, and its pods. */
import type {
  V1Deployment,
  V1DeploymentList,
  V1Pod,
  V1PodList,
  V1StatefulSet,
  V1StatefulSetList,
} from '@kubernetes/client-node';
import { ConflictError, UnreachableError, UsageError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import type { JsonPatch, Workload, WorkloadKind } from '../../domain/workload.ts';
import type { WorkloadPort } from '../../ports.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, hasStatus } from './api-error.ts';
import { deleteOptions, type Target, type Verb } from './target.ts';
import {
  isLeftBehind,
  isOwned,
  selectorText,
  toPod,
  toWorkload,
  type WireWorkload,
} from './workload-mapping.ts';

/** What `--registry-workload` says. */
export interface WorkloadName {
  /** `undefined`: whichever there is, a StatefulSet first. */
  readonly kind: WorkloadKind | undefined;
  readonly name: string;
}

const RESOURCES = {
  StatefulSet: 'statefulsets',
  Deployment: 'deployments',
} as const satisfies Record<WorkloadKind, string>;

/** As kubectl abbreviates them. */
const KINDS = new Map<string, WorkloadKind>([
  ['statefulset', 'StatefulSet'],
  ['statefulsets', 'StatefulSet'],
  ['sts', 'StatefulSet'],
  ['deployment', 'Deployment'],
  ['deployments', 'Deployment'],
  ['deploy', 'Deployment'],
]);

const OBJECT_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Reads `docker-registry`, `statefulset/docker-registry` or `deployment/docker-registry`. @throws UsageError */
export function parseWorkloadName(text: string): WorkloadName {
  const [name = '', prefix, ...more] = text.split('/').reverse();
  const kind = prefix === undefined ? undefined : KINDS.get(prefix.toLowerCase());
  if (OBJECT_NAME.test(name) && more.length === 0 && (prefix === undefined || kind)) return { kind, name };
  throw new UsageError(`"${plainText(text, 100)}" names no workload.`, {
    next: 'Say --registry-workload docker-registry, statefulset/docker-registry or deployment/docker-registry.',
  });
}

/** A request about a workload; without a name about all of its kind. */
export function workloadTarget(
  verb: Verb,
  namespace: string,
  workload: { kind: WorkloadKind; name?: string },
): Target {
  const { kind, name } = workload;
  const which = name === undefined ? {} : { name };
  return { verb, group: 'apps', resource: RESOURCES[kind], namespace, ...which };
}

interface Found {
  readonly workload: Workload;
  readonly selector: string;
}

export function createWorkloadPort(api: ApiClient, namespace: string, wanted: WorkloadName): WorkloadPort {
  // What the last read found: a workload's kind and selector never change.
  let last: Found | undefined;

  async function read(signal: AbortSignal): Promise<Found> {
    const kinds: readonly WorkloadKind[] = wanted.kind ? [wanted.kind] : ['StatefulSet', 'Deployment'];
    const absent: WorkloadKind[] = [];
    let forbidden: unknown;
    for (const kind of kinds) {
      try {
        const target = workloadTarget('get', namespace, { kind, name: wanted.name });
        last = found(kind, await api.request<V1StatefulSet | V1Deployment>(target, signal));
        return last;
      } catch (error) {
        // A Role for the one kind only is enough, so a 403 for the other may be no obstacle.
        if (hasStatus(error, 404)) absent.push(kind);
        else if (hasStatus(error, 403)) forbidden ??= error;
        else throw error;
      }
    }
    throw absent.includes('StatefulSet') || !forbidden ? await notFound(absent, signal) : forbidden;
  }

  async function notFound(kinds: readonly WorkloadKind[], signal: AbortSignal): Promise<UnreachableError> {
    const others = [...(await names('StatefulSet', signal)), ...(await names('Deployment', signal))];
    const there = others.length > 0 ? ` There are: ${plainText(others.join(', '))}.` : '';
    return new UnreachableError(
      `There is no ${kinds.join(' or ')} "${wanted.name}" in namespace ${namespace}.${there}`,
      { next: "Name the registry's with --registry-workload, or its namespace with --namespace." },
    );
  }

  /** To help with a wrong name; who may not list them has to do without. */
  async function names(kind: WorkloadKind, signal: AbortSignal): Promise<string[]> {
    try {
      const target = workloadTarget('list', namespace, { kind });
      const { items } = await api.request<V1StatefulSetList | V1DeploymentList>(target, signal);
      return items.map(({ metadata }) => `${kind.toLowerCase()}/${metadata?.name ?? ''}`);
    } catch (error) {
      if (error instanceof ApiError) return [];
      throw error;
    }
  }

  return {
    read: async (signal) => (await read(signal)).workload,

    async patch(patch, signal) {
      const { kind, name } = (last ?? (await read(signal))).workload;
      const request = {
        ...workloadTarget('patch', namespace, { kind, name }),
        body: patch,
        contentType: 'application/json-patch+json',
        repeatable: testedVersion(patch) !== undefined,
      };
      try {
        return toWorkload(kind, await api.request<V1StatefulSet | V1Deployment>(request, signal));
      } catch (error) {
        if (!hasStatus(error, 409) && !hasStatus(error, 422)) throw error;
        // 422 is a failed test, but also a patch that would be wrong at any time.
        const { resourceVersion } = (await read(signal)).workload;
        if (hasStatus(error, 422) && resourceVersion === testedVersion(patch)) throw error;
        throw conflict(error, `${kind} ${name} in namespace ${namespace}`);
      }
    },

    async pods(signal) {
      const { workload, selector } = last ?? (await read(signal));
      const target: Target = { verb: 'list', group: '', resource: 'pods', namespace };
      const query = { labelSelector: selector };
      const { items } = await api.request<V1PodList>({ ...target, query }, signal);
      return items.filter((pod) => isOwned(pod, workload) && !isLeftBehind(pod, workload)).map(toPod);
    },

    async deletePod({ name, uid }, signal) {
      const target: Target = { verb: 'delete', group: '', resource: 'pods', namespace, name };
      try {
        await api.request<V1Pod>({ ...target, body: deleteOptions(uid) }, signal);
      } catch (error) {
        // 409: another pod bears the name by now.
        if (!hasStatus(error, 404) && !hasStatus(error, 409)) throw error;
      }
    },
  };
}

function found(kind: WorkloadKind, object: WireWorkload): Found {
  return { workload: toWorkload(kind, object), selector: selectorText(object.spec?.selector) };
}

/**
 * The resource version that the patch insists on. Such a patch can be sent again when nobody knows whether it was
 * applied: if it was, it now conflicts, and whoever sent it looks again.
 */
function testedVersion(patch: JsonPatch): unknown {
  const test = patch.find(({ op, path }) => op === 'test' && path === '/metadata/resourceVersion');
  return test?.op === 'test' ? test.value : undefined;
}

function conflict(error: unknown, what: string): ConflictError {
  const words = error instanceof Error ? error.message : '';
  return new ConflictError(`${what} was changed by somebody else meanwhile: ${words}`, {
    next: 'Look at what changes it, and start again.',
    cause: error,
  });
}
