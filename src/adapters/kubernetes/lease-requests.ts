/** The few requests about the lease. */
import type { V1Lease } from '@kubernetes/client-node';
import {
  encodeLease,
  LEASE_NAME,
  type LeaseObject,
  type LeaseRecord,
  leasePatch,
} from '../../domain/lease.ts';
import type { ApiClient } from './api-client.ts';
import { hasStatus } from './api-error.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from './pod-manifest.ts';
import { deleteOptions, type Target, type Verb } from './target.ts';

/** A request about the lease of the fixed name. Creating cannot be scoped to a name in RBAC. */
export function leaseTarget(verb: Verb, namespace: string): Target {
  const target: Target = { verb, group: 'coordination.k8s.io', resource: 'leases', namespace };
  return verb === 'create' ? target : { ...target, name: LEASE_NAME };
}

/** All of them are safe to repeat: each says what it expects to find. */
export interface LeaseRequests {
  find(signal: AbortSignal): Promise<LeaseObject | undefined>;
  /** `undefined` when there is one already. */
  create(record: LeaseRecord, signal: AbortSignal): Promise<LeaseObject | undefined>;
  /** Writes the record over what was `seen`; `undefined` when that is not there any more. */
  update(record: LeaseRecord, seen: LeaseObject, signal: AbortSignal): Promise<LeaseObject | undefined>;
  /** Deletes what was `seen`; `false` when something else is there now. */
  remove(seen: LeaseObject, signal: AbortSignal): Promise<boolean>;
}

export function createLeaseRequests(api: ApiClient, namespace: string): LeaseRequests {
  return {
    async find(signal) {
      return unless([404], () => api.request<V1Lease>(leaseTarget('get', namespace), signal));
    },

    async create(record, signal) {
      const { metadata, spec } = encodeLease(record);
      const labels = { [MANAGED_BY_LABEL]: MANAGED_BY };
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: LEASE_NAME, namespace, labels, ...metadata },
        spec,
      };
      return unless([409], () => api.request<V1Lease>({ ...leaseTarget('create', namespace), body }, signal));
    },

    async update(record, seen, signal) {
      const { metadata, spec } = leasePatch(record);
      const resourceVersion = seen.metadata?.resourceVersion ?? '';
      const request = {
        ...leaseTarget('patch', namespace),
        contentType: 'application/merge-patch+json',
        // A resource version in a patch is a precondition (Kubernetes API concepts, "Patch").
        body: { metadata: { ...metadata, resourceVersion }, spec },
      };
      return unless([404, 409], () => api.request<V1Lease>(request, signal));
    },

    async remove({ metadata }, signal) {
      const body = deleteOptions(metadata?.uid ?? '', metadata?.resourceVersion ?? '');
      try {
        await api.request<unknown>({ ...leaseTarget('delete', namespace), body }, signal);
      } catch (error) {
        if (hasStatus(error, 409)) return false;
        if (!hasStatus(error, 404)) throw error;
      }
      return true;
    },
  };
}

/** What `ask` returns; `undefined` when the API server answers one of these statuses. */
async function unless<Value>(
  statuses: readonly number[],
  ask: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (statuses.some((status) => hasStatus(error, status))) return undefined;
    throw error;
  }
}
