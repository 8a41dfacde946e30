import type { Cluster } from '../cluster/cluster.ts';
import { deletePod } from '../cluster/deletion.ts';
import type { KubeObject, Pod } from '../cluster/objects.ts';
import type { ApiAnswer, ApiRequest } from './request.ts';
import { readText } from './request.ts';
import { badRequest, conflict } from './status.ts';
import { keyOf, present, subjectOf } from './write.ts';

interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly dryRun?: readonly string[];
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Deletes an object: a pod in its own time, anything else at once. */
export async function remove(cluster: Cluster, { target, query, message }: ApiRequest): Promise<ApiAnswer> {
  const options = readOptions(await readText(message));
  const object = present(cluster, target);
  const { uid, resourceVersion } = options.preconditions ?? {};
  const subject = subjectOf(target, target.name);
  if (uid !== undefined && uid !== object.metadata.uid) {
    throw conflict(
      subject,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    throw conflict(
      subject,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${object.metadata.resourceVersion}`,
    );
  }
  if (query.get('dryRun') === 'All' || options.dryRun?.includes('All')) return { code: 200, body: object };
  if (target.resource.kind === 'Pod') {
    const asked = query.get('gracePeriodSeconds');
    const graceSeconds = asked === null ? options.gracePeriodSeconds : Number(asked);
    return { code: 200, body: deletePod(cluster.store, object as Pod, graceSeconds) };
  }
  cluster.store.remove(keyOf(target, target.name));
  return { code: 200, body: success(object, target.resource.plural) };
}

function readOptions(text: string): DeleteOptions {
  if (text === '') return {};
  try {
    return JSON.parse(text) as DeleteOptions;
  } catch {
    throw badRequest('the body is not a DeleteOptions object');
  }
}

function success({ metadata: { name, uid } }: KubeObject, plural: string): object {
  const details = { name, kind: plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
