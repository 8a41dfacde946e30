import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Pod, PodSpec } from '../cluster/objects.ts';
import type { Resource } from './resources.ts';
import { invalid } from './status.ts';

interface Problem {
  readonly field: string;
  readonly message: string;
  readonly reason?: string;
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedName = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const longestLabel = 63;

/** Checks what is the same for all objects, and pods in particular. @throws {ApiError} 422 */
export function assertValid({ group, kind }: Resource, object: KubeObject): void {
  const problem =
    metadataProblem(object) ??
    (kind === 'Pod' ? specProblem((object as Pod).spec, 'spec') : undefined) ??
    (podMakers.has(kind) ? templateProblem(object) : undefined);
  if (problem !== undefined) throw invalid({ group, kind, name: object.metadata.name ?? '' }, problem);
}

function metadataProblem({ metadata }: KubeObject): Problem | undefined {
  if (!metadata.name) {
    return {
      field: 'metadata.name',
      message: 'Required value: name or generateName is required',
      reason: 'FieldValueRequired',
    };
  }
  if (!subdomain.test(metadata.name) || metadata.name.length > 253) {
    const message = `Invalid value: ${JSON.stringify(metadata.name)}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'`;
    return { field: 'metadata.name', message };
  }
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (!qualifiedName.test(key))
      return { field: 'metadata.labels', message: `Invalid value: ${JSON.stringify(key)}` };
    if (!labelValue.test(value) || value.length > longestLabel) {
      const message = `Invalid value: ${JSON.stringify(value)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'`;
      return { field: 'metadata.labels', message };
    }
  }
  const badAnnotation = Object.keys(metadata.annotations ?? {}).find((key) => !qualifiedName.test(key));
  if (badAnnotation === undefined) return undefined;
  return { field: 'metadata.annotations', message: `Invalid value: ${JSON.stringify(badAnnotation)}` };
}

/** The kinds that make pods. */
const podMakers: ReadonlySet<string> = new Set([
  ...['StatefulSet', 'Deployment', 'ReplicaSet', 'DaemonSet'],
  ...['Job', 'CronJob'],
]);

interface Template {
  readonly template?: { readonly spec?: PodSpec };
}

function templateProblem({ kind, spec = {} }: KubeObject): Problem | undefined {
  if (kind !== 'CronJob') return specProblem((spec as Template).template?.spec, 'spec.template.spec');
  const { jobTemplate } = spec as { jobTemplate?: { spec?: Template } };
  return specProblem(jobTemplate?.spec?.template?.spec, 'spec.jobTemplate.spec.template.spec');
}

function specProblem(spec: PodSpec | undefined, field: string): Problem | undefined {
  const containers = spec?.containers ?? [];
  if (spec === undefined || containers.length === 0) {
    return { field: `${field}.containers`, message: 'Required value', reason: 'FieldValueRequired' };
  }
  for (const [index, container] of containers.entries()) {
    const at = `${field}.containers[${index}]`;
    if (!container.name)
      return { field: `${at}.name`, message: 'Required value', reason: 'FieldValueRequired' };
    if (!container.image)
      return { field: `${at}.image`, message: 'Required value', reason: 'FieldValueRequired' };
    const problem = mountProblem(spec, container, at) ?? envProblem(container, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type Container = PodSpec['containers'][number];

function mountProblem(
  { volumes = [] }: PodSpec,
  { volumeMounts = [] }: Container,
  at: string,
): Problem | undefined {
  for (const [index, { name }] of volumeMounts.entries()) {
    if (volumes.some((volume) => volume.name === name)) continue;
    const field = `${at}.volumeMounts[${index}].name`;
    return { field, message: `Not found: ${JSON.stringify(name)}`, reason: 'FieldValueNotFound' };
  }
  return undefined;
}

function envProblem({ env = [] }: Container, at: string): Problem | undefined {
  for (const [index, { name, value, valueFrom }] of env.entries()) {
    const field = `${at}.env[${index}]`;
    if (!name) return { field: `${field}.name`, message: 'Required value', reason: 'FieldValueRequired' };
    if (value !== undefined && valueFrom !== undefined) {
      return {
        field: `${field}.valueFrom`,
        message: 'Invalid value: "": may not be specified when `value` is not empty',
      };
    }
  }
  return undefined;
}

/** Fields of a spec that may change after the object was created. */
const mutableFields: Readonly<Record<string, readonly string[]>> = {
  Pod: ['activeDeadlineSeconds', 'terminationGracePeriodSeconds', 'tolerations'],
  StatefulSet: [
    ...['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit'],
    ...['persistentVolumeClaimRetentionPolicy', 'minReadySeconds'],
  ],
};

/** Checks that nothing changes that must not. @throws {ApiError} 422 */
export function assertValidUpdate({ group, kind }: Resource, before: KubeObject, after: KubeObject): void {
  const mutable = mutableFields[kind];
  if (mutable === undefined) return;
  const fixed = (object: KubeObject) =>
    Object.fromEntries(Object.entries(object.spec ?? {}).filter(([field]) => !mutable.includes(field)));
  if (isDeepStrictEqual(fixed(before), fixed(after))) return;
  const what =
    kind === 'Pod' ? 'pod updates may not change fields' : 'updates to statefulset spec for fields';
  const message = `Forbidden: ${what} other than ${mutable.map((field) => `'spec.${field}'`).join(', ')} ${kind === 'Pod' ? '' : 'are forbidden'}`;
  throw invalid(
    { group, kind, name: before.metadata.name },
    { field: 'spec', message: message.trim(), reason: 'FieldValueForbidden' },
  );
}
