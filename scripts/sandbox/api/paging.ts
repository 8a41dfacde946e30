import type { KubeObject } from '../cluster/objects.ts';
import type { ObjectStore } from '../cluster/store.ts';
import { badRequest, gone } from './status.ts';

/** A part of a list. */
interface Page {
  readonly objects: readonly KubeObject[];
  /** What asks for the next part; undefined with the last one. */
  readonly next: string | undefined;
}

/** What a token says: the list's version, and the last object that was answered. */
interface Position {
  readonly rv: number;
  readonly start: string;
}

/**
 * Cuts a list as `limit` and `continue` say. Unlike with etcd the later parts are of the present, not of the moment of
 * the first.
 *
 * @throws {ApiError} 400 for what is no token of ours, 410 for one whose version is forgotten
 */
export function pageOf(store: ObjectStore, objects: readonly KubeObject[], query: URLSearchParams): Page {
  const limit = Number(query.get('limit') ?? 0);
  const token = query.get('continue') ?? '';
  const { rv, start } = token === '' ? { rv: store.version, start: '' } : parse(token);
  if (store.since(rv) === undefined) {
    throw gone(
      'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    );
  }
  const rest = objects.filter((object) => keyOf(object) > start);
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const last = page.at(-1);
  if (last === undefined || page.length === rest.length) return { objects: page, next: undefined };
  return { objects: page, next: format({ rv, start: keyOf(last) }) };
}

function keyOf({ metadata: { namespace = '', name } }: KubeObject): string {
  return `${namespace}/${name}`;
}

function format(position: Position): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', ...position })).toString('base64url');
}

function parse(token: string): Position {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as Partial<Position>;
    if (typeof rv === 'number' && typeof start === 'string') return { rv, start };
  } catch {
    // Not JSON: no token of ours either.
  }
  throw badRequest('continue key is not valid');
}
