import type { Cluster } from '../cluster/cluster.ts';
import type { KubeObject, Pod } from '../cluster/objects.ts';
import { StaleObject } from '../cluster/store.ts';
import { userName } from './access.ts';
import { admitPod } from './admission.ts';
import { canonical } from './canonical.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch, applyStrategicMergePatch } from './merge-patch.ts';
import { protobufType, readAccessReview } from './protobuf.ts';
import { type ApiAnswer, type ApiRequest, mediaType, readBytes, readJson } from './request.ts';
import { apiVersion, type Target } from './resources.ts';
import { decode } from './schema.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  invalid,
  notFound,
  type Subject,
  staleVersion,
} from './status.ts';
import { assertValid, assertValidUpdate } from './validation.ts';
import { defaultWorkload } from './workload-defaults.ts';

/** Creates an object, or answers a review. */
export async function create(cluster: Cluster, request: ApiRequest): Promise<ApiAnswer> {
  const { target, query } = request;
  const isReview = target.resource.kind === 'SelfSubjectAccessReview';
  const binary = isReview && mediaType(request.message) === protobufType;
  const sent = binary
    ? readAccessReview(await readBytes(request.message))
    : await readJson(request.message, ['application/json']);
  const { object, warnings } = readObject(sent, request, 'create');
  if (isReview) return { code: 201, body: reviewed(cluster, object), warnings };
  placeInNamespace(cluster, target, object);
  nameIt(object);
  assertValid(target.resource, object);
  const admitted =
    target.resource.kind === 'Pod'
      ? admitPod(cluster, object as Pod)
      : canonical(target.resource, defaultWorkload(object));
  const key = keyOf(target, admitted.metadata.name);
  if (cluster.store.get(key) !== undefined) throw alreadyExists(subjectOf(target, admitted.metadata.name));
  if (query.get('dryRun') === 'All') return { code: 201, body: admitted, warnings };
  return { code: 201, body: cluster.store.create(target.resource.plural, admitted), warnings };
}

/** Replaces an object (PUT). */
export async function update(cluster: Cluster, request: ApiRequest): Promise<ApiAnswer> {
  const current = present(cluster, request.target);
  const sent = await readJson(request.message, ['application/json']);
  const { object, warnings } = readObject(sent, request, 'update');
  if (object.metadata.name !== current.metadata.name) {
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${current.metadata.name})`,
    );
  }
  return { code: 200, body: replace(cluster, request, { current, wanted: object }), warnings };
}

const patches: Readonly<Record<string, (document: unknown, patch: unknown) => unknown>> = {
  'application/json-patch+json': applyJsonPatch,
  'application/merge-patch+json': applyMergePatch,
  'application/strategic-merge-patch+json': applyStrategicMergePatch,
};

/** Changes a part of an object (PATCH), in one of three notations. */
export async function patch(cluster: Cluster, request: ApiRequest): Promise<ApiAnswer> {
  const sent = await readJson(request.message, Object.keys(patches));
  const apply = patches[mediaType(request.message)] as (document: unknown, patch: unknown) => unknown;
  const current = present(cluster, request.target);
  const { object, warnings } = readObject(apply(current, sent), request, 'patch');
  return { code: 200, body: replace(cluster, request, { current, wanted: object }), warnings };
}

/** The object that a request names. @throws {ApiError} 404 */
export function present(cluster: Cluster, target: Target): KubeObject {
  const object = cluster.store.get(keyOf(target, target.name));
  if (object === undefined) throw notFound(subjectOf(target, target.name));
  return object;
}

export function keyOf({ resource, namespace }: Target, name: string) {
  return { resource: resource.plural, namespace, name };
}

export function subjectOf({ resource: { group, plural } }: Target, name: string): Subject {
  return { group, plural, name };
}

function replace(
  cluster: Cluster,
  { target, query }: ApiRequest,
  { current, wanted }: { readonly current: KubeObject; readonly wanted: KubeObject },
): KubeObject {
  const { resource } = target;
  const subject = subjectOf(target, current.metadata.name);
  if (wanted.metadata.uid !== undefined && wanted.metadata.uid !== current.metadata.uid) {
    throw conflict(
      subject,
      `Precondition failed: UID in precondition: ${wanted.metadata.uid}, UID in object meta: ${current.metadata.uid}`,
    );
  }
  if (resource.kind === 'Lease' && wanted.metadata.resourceVersion === undefined) {
    const problem = {
      field: 'metadata.resourceVersion',
      message: 'Invalid value: 0x0: must be specified for an update',
    };
    throw invalid({ group: resource.group, kind: resource.kind, name: subject.name }, problem);
  }
  // The main resource cannot touch what belongs to the system: status and the deletion marks.
  const { deletionTimestamp, deletionGracePeriodSeconds, namespace } = current.metadata;
  const metadata = { ...wanted.metadata, namespace, deletionTimestamp, deletionGracePeriodSeconds };
  const next = canonical(resource, { ...wanted, metadata, status: current.status } as KubeObject);
  assertValid(resource, next);
  assertValidUpdate(resource, current, next);
  if (
    wanted.metadata.resourceVersion !== undefined &&
    wanted.metadata.resourceVersion !== current.metadata.resourceVersion
  ) {
    throw staleVersion(subject);
  }
  if (query.get('dryRun') === 'All') return next;
  try {
    return cluster.store.update(resource.plural, next);
  } catch (error) {
    if (error instanceof StaleObject) throw staleVersion(subject);
    throw error;
  }
}

/** Decodes what was sent; unknown fields are refused or warned of, as `fieldValidation` says. */
function readObject(
  sent: unknown,
  { target: { resource }, query }: ApiRequest,
  verb: 'create' | 'update' | 'patch',
): { readonly object: KubeObject; readonly warnings: readonly string[] } {
  const { value, unknownFields } = decode(resource.model, sent);
  const object = value as KubeObject;
  assertKind(object, resource);
  const problems = unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`);
  const validation = query.get('fieldValidation') ?? 'Warn';
  if (problems.length > 0 && validation === 'Strict') {
    const found = `strict decoding error: ${problems.join(', ')}`;
    if (verb === 'patch') {
      const problem = { field: 'patch', message: `Invalid value: ${JSON.stringify(sent)}: ${found}` };
      throw invalid({ group: '', kind: '', name: '' }, problem);
    }
    const kind = `${resource.kind} in version ${JSON.stringify(resource.version)}`;
    throw badRequest(`${kind} cannot be handled as a ${resource.kind}: ${found}`);
  }
  const identified = { ...object, apiVersion: apiVersion(resource), kind: resource.kind };
  identified.metadata ??= { name: '' };
  return { object: identified, warnings: validation === 'Ignore' ? [] : problems };
}

function assertKind(object: KubeObject, resource: Target['resource']): void {
  const wanted = apiVersion(resource);
  const found = { kind: object.kind ?? resource.kind, apiVersion: object.apiVersion ?? wanted };
  if (found.kind !== resource.kind || found.apiVersion !== wanted) {
    throw badRequest(`${found.kind} in version ${found.apiVersion} cannot be handled as a ${resource.kind}`);
  }
}

function placeInNamespace(cluster: Cluster, { resource, namespace }: Target, { metadata }: KubeObject): void {
  if (!resource.namespaced) return;
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata.namespace = namespace;
  if (cluster.store.get({ resource: 'namespaces', namespace: '', name: namespace }) === undefined) {
    throw notFound({ group: '', plural: 'namespaces', name: namespace });
  }
}

function nameIt({ metadata }: KubeObject): void {
  if (metadata.generateName === undefined || metadata.name) return;
  metadata.name = `${metadata.generateName}${Math.random().toString(36).slice(2, 7)}`;
}

/** Answers a SelfSubjectAccessReview. */
function reviewed({ access }: Cluster, review: KubeObject): KubeObject {
  const { resourceAttributes: asked } = review.spec as { resourceAttributes?: Record<string, string> };
  const allowed =
    asked === undefined ||
    access.isAllowed({
      verb: asked['verb'] ?? '',
      group: asked['group'] ?? '',
      resource: asked['resource'] ?? '',
      subresource: asked['subresource'] ?? '',
      namespace: asked['namespace'] ?? '',
      name: asked['name'] ?? '',
    });
  const reason = allowed ? `RBAC: allowed by ClusterRoleBinding "${userName}"` : undefined;
  return { ...review, status: reason === undefined ? { allowed } : { allowed, reason } };
}
