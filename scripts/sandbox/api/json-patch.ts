import { isDeepStrictEqual } from 'node:util';
import { badRequest, patchNotApplicable } from './status.ts';

/** One operation of RFC 6902. */
interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/**
 * Applies a JSON patch (RFC 6902) to a copy of `document`: all of it or nothing.
 *
 * @throws {ApiError} 422 if an operation cannot be applied or a `test` fails, 400 if it is no patch
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('json: cannot unmarshal object into a JSON patch');
  const holder = { root: structuredClone(document) };
  for (const operation of patch as Operation[]) {
    const apply = operations[operation.op];
    if (apply === undefined) throw patchNotApplicable();
    apply(holder, operation);
  }
  return holder.root;
}

/** The document under a key of its own, so that its root can be replaced like anything else. */
interface Holder {
  root: unknown;
}

type Applier = (holder: Holder, operation: Operation) => void;

const operations: Readonly<Record<string, Applier>> = {
  add: (holder, { path, value }) => place(holder, path).add(structuredClone(value)),
  remove: (holder, { path }) => place(holder, path).remove(),
  replace: (holder, { path, value }) => place(holder, path).replace(structuredClone(value)),
  test: (holder, { path, value }) => {
    if (!isDeepStrictEqual(place(holder, path).get() ?? null, value ?? null)) throw patchNotApplicable();
  },
  move: (holder, { path, from = '' }) => {
    const moved = place(holder, from).getExisting();
    place(holder, from).remove();
    place(holder, path).add(moved);
  },
  copy: (holder, { path, from = '' }) => {
    place(holder, path).add(structuredClone(place(holder, from).getExisting()));
  },
};

/** Finds the place that a JSON pointer (RFC 6901) names; everything above it must exist. */
function place(holder: Holder, pointer: string): Place {
  if (pointer !== '' && !pointer.startsWith('/')) throw patchNotApplicable();
  const tokens = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent: unknown = holder;
  let key = 'root';
  for (const token of tokens) {
    parent = Array.isArray(parent) ? parent[index(key, parent.length - 1)] : member(parent, key);
    key = token;
  }
  if (typeof parent !== 'object' || parent === null) throw patchNotApplicable();
  return new Place(parent as Record<string, unknown> | unknown[], key);
}

class Place {
  readonly #parent: Record<string, unknown> | unknown[];
  readonly #key: string;

  constructor(parent: Record<string, unknown> | unknown[], key: string) {
    this.#parent = parent;
    this.#key = key;
  }

  get(): unknown {
    if (Array.isArray(this.#parent)) return this.#parent[index(this.#key, this.#parent.length - 1)];
    return member(this.#parent, this.#key);
  }

  getExisting(): unknown {
    const value = this.get();
    if (value === undefined) throw patchNotApplicable();
    return value;
  }

  add(value: unknown): void {
    if (!Array.isArray(this.#parent)) {
      this.#parent[this.#key] = value;
    } else if (this.#key === '-') {
      this.#parent.push(value);
    } else {
      this.#parent.splice(index(this.#key, this.#parent.length), 0, value);
    }
  }

  remove(): void {
    this.getExisting();
    if (Array.isArray(this.#parent)) this.#parent.splice(Number(this.#key), 1);
    else delete this.#parent[this.#key];
  }

  replace(value: unknown): void {
    this.getExisting();
    if (Array.isArray(this.#parent)) this.#parent[Number(this.#key)] = value;
    else this.#parent[this.#key] = value;
  }
}

function member(parent: unknown, key: string): unknown {
  return typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key)
    ? (parent as Record<string, unknown>)[key]
    : undefined;
}

function index(token: string, last: number): number {
  if (!/^(0|[1-9]\d*)$/.test(token) || Number(token) > last) throw patchNotApplicable();
  return Number(token);
}
