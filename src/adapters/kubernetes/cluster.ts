/** The cluster as a whole: which one it is, what we may do there, and the registry's credentials. */
import type { V1Namespace, V1Secret, V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import { UnreachableError } from '../../domain/errors.ts';
import type { Permission } from '../../domain/permissions.ts';
import { plainText } from '../../domain/text.ts';
import type { Cluster } from '../../ports.ts';
import type { ApiClient } from './api-client.ts';
import { hasStatus, type Place } from './api-error.ts';
import { findCredentials } from './docker-config.ts';
import type { Target } from './target.ts';

export interface ClusterOptions {
  readonly secretNamespace: string;
  readonly secretName: string;
  /** `host[:port]` of the registry whose credentials are wanted. */
  readonly registry: string;
}

/** Every cluster has this namespace, and never gets it anew: its UID identifies the cluster. */
export const IDENTITY: Target = {
  verb: 'get',
  group: '',
  resource: 'namespaces',
  namespace: '',
  name: 'kube-system',
};

/** The read of the registry's credentials. */
export function secretTarget({ secretNamespace, secretName }: Omit<ClusterOptions, 'registry'>): Target {
  return { verb: 'get', group: '', resource: 'secrets', namespace: secretNamespace, name: secretName };
}

/** How many access reviews are asked for at a time. */
const REVIEWS_AT_A_TIME = 8;

export function createCluster(api: ApiClient, place: Place, options: ClusterOptions): Cluster {
  return {
    async identity(signal) {
      const { metadata } = await api.request<V1Namespace>(IDENTITY, signal);
      return { uid: metadata?.uid ?? '', context: place.context, server: place.server };
    },

    async missingPermissions(permissions, signal) {
      const missing: Permission[] = [];
      for (let at = 0; at < permissions.length; at += REVIEWS_AT_A_TIME) {
        const some = permissions.slice(at, at + REVIEWS_AT_A_TIME);
        const allowed = await Promise.all(some.map((permission) => isAllowed(api, permission, signal)));
        missing.push(...some.filter((_, index) => !allowed[index]));
      }
      return missing;
    },

    async registryCredentials(signal) {
      const secret = await findSecret(api, options, signal);
      if (secret === undefined) return undefined;
      const json = Buffer.from(secret.data?.['.dockerconfigjson'] ?? '', 'base64').toString('utf8');
      const lookup = findCredentials(json, options.registry);
      if (lookup.found) return lookup.credentials;
      const { secretNamespace, secretName } = options;
      throw new UnreachableError(
        `The Secret ${secretName} in namespace ${secretNamespace} does not help: ${plainText(lookup.why)}.`,
        { next: 'Give the password in the environment variable SKOPEO_PASSWORD.' },
      );
    },
  };
}

/** Whether we may do something, according to the API server (authorization.k8s.io/v1). Everybody may ask that. */
export async function isAllowed(
  api: ApiClient,
  permission: Permission,
  signal: AbortSignal,
): Promise<boolean> {
  const { verb, group, namespace, name } = permission;
  const [resource = '', subresource] = permission.resource.split('/');
  const review = await api.request<V1SelfSubjectAccessReview>(
    {
      verb: 'create',
      group: 'authorization.k8s.io',
      resource: 'selfsubjectaccessreviews',
      namespace: '',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group, resource, subresource, namespace, name } },
      },
    },
    signal,
  );
  return review.status?.allowed === true;
}

async function findSecret(api: ApiClient, options: ClusterOptions, signal: AbortSignal) {
  try {
    return await api.request<V1Secret>(secretTarget(options), signal);
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
