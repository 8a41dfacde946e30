import { createHash } from 'node:crypto';
import type { KubeObject, OwnerReference, Pod, PodTemplate } from './objects.ts';

const safeDigits = 'bcdfghjklmnpqrstvwxz2456789';

/** The hash that names a version of a pod template; the same template has the same hash. */
export function templateHash(template: PodTemplate): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(sorted(template)))
    .digest();
  return [...digest.subarray(0, 10)].map((byte) => safeDigits[byte % safeDigits.length]).join('');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** A pod as a controller makes it from its template. */
export function podFromTemplate(
  template: PodTemplate,
  made: { readonly name: string; readonly owner: KubeObject; readonly labels: Record<string, string> },
): Pod {
  const { namespace } = made.owner.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: made.name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template.metadata.labels, ...made.labels },
      ...(template.metadata.annotations && { annotations: template.metadata.annotations }),
      ownerReferences: [controllerReference(made.owner)],
    },
    spec: structuredClone(template.spec),
    status: { phase: 'Pending' },
  };
}

/** What names an object as the controller of another. */
export function controllerReference({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  const identity = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' };
  return { ...identity, controller: true, blockOwnerDeletion: true };
}
