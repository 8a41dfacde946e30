import type { ServerResponse } from 'node:http';
import type { Cluster } from '../cluster/cluster.ts';
import type { KubeObject } from '../cluster/objects.ts';
import type { Change } from '../cluster/store.ts';
import { pageOf } from './paging.ts';
import type { ApiAnswer, ApiRequest } from './request.ts';
import { apiVersion } from './resources.ts';
import { selectorOf } from './selectors.ts';
import { gone, invalid } from './status.ts';
import { tableOf, wantsTable } from './table.ts';
import { present } from './write.ts';

/** Answers with one object. */
export function get(cluster: Cluster, { target, message }: ApiRequest): ApiAnswer {
  const object = present(cluster, target);
  if (!wantsTable(message)) return { code: 200, body: object };
  return {
    code: 200,
    body: tableOf(target.resource.plural, [object], object.metadata.resourceVersion ?? ''),
  };
}

/** Answers with the objects that the request selects, or a page of them. */
export function list(cluster: Cluster, { target, query, message }: ApiRequest): ApiAnswer {
  const { resource, namespace } = target;
  const selects = selectorOf(resource.plural, query);
  const selected = cluster.store.list(resource.plural, namespace).filter(selects);
  const { objects, next } = pageOf(cluster.store, selected, query);
  const resourceVersion = String(cluster.store.version);
  const metadata = { resourceVersion, ...(next === undefined ? {} : { continue: next }) };
  if (wantsTable(message))
    return { code: 200, body: { ...tableOf(resource.plural, objects, resourceVersion), metadata } };
  // The items of a list do not say again what the list says for them all.
  const items = objects.map(({ kind: _kind, apiVersion: _version, ...item }) => item);
  const kind = `${resource.kind}List`;
  return {
    code: 200,
    body: { kind, apiVersion: apiVersion(resource), metadata, items },
  };
}

/**
 * Streams changes until the client leaves or its `timeoutSeconds` are over.
 *
 * @throws {ApiError} 422 for an initial list in the stream, which older servers do not know either
 */
export function watch(cluster: Cluster, request: ApiRequest, response: ServerResponse): void {
  const { target, query } = request;
  if (query.has('sendInitialEvents')) {
    const message =
      'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
    throw invalid(
      { group: 'meta.k8s.io', kind: 'ListOptions', name: '' },
      { field: 'sendInitialEvents', message, reason: 'FieldValueForbidden' },
    );
  }
  const selects = selectorOf(target.resource.plural, query);
  const name = target.name === '' ? undefined : target.name;
  const concerns = ({ metadata }: KubeObject) =>
    (target.namespace === '' || metadata.namespace === target.namespace) &&
    (name === undefined || metadata.name === name);
  const send = (type: string, object: object) => response.write(`${JSON.stringify({ type, object })}\n`);
  const show = (object: KubeObject) =>
    wantsTable(request.message)
      ? tableOf(target.resource.plural, [object], object.metadata.resourceVersion ?? '')
      : object;
  const announce = (change: Change) => {
    if (change.resource !== target.resource.plural || !concerns(change.object)) return;
    const type = watchedType(change, selects);
    if (type !== undefined) send(type, show(change.object));
  };

  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const from = query.get('resourceVersion') ?? '';
  if (from === '' || from === '0') {
    const objects = cluster.store.list(target.resource.plural, target.namespace);
    for (const object of objects.filter(concerns).filter(selects)) send('ADDED', show(object));
  } else {
    const missed = cluster.store.since(Number(from));
    if (missed === undefined) {
      send('ERROR', gone(`too old resource version: ${from} (${cluster.store.version})`).status);
      response.end();
      return;
    }
    for (const change of missed) announce(change);
  }
  const unsubscribe = cluster.store.subscribe(announce);
  const timer = setTimeout(() => response.end(), Number(query.get('timeoutSeconds') ?? 1800) * 1000);
  response.once('close', () => {
    clearTimeout(timer);
    unsubscribe();
  });
}

/** What a change is to a watcher who only sees the objects that it selects. */
function watchedType({ type, object, previous }: Change, selects: (object: KubeObject) => boolean) {
  const before = previous !== undefined && selects(previous);
  const after = type !== 'DELETED' && selects(object);
  if (before) return after ? 'MODIFIED' : 'DELETED';
  return after ? 'ADDED' : undefined;
}
