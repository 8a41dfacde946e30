import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, ObjectMeta } from './objects.ts';
import { timestamp } from './objects.ts';

/** Where an object is: the plural name of its resource, its namespace ('' for none) and its name. */
export interface ObjectKey {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** One change, in the order in which they happened. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: string;
  readonly object: KubeObject;
  /** What it was before, unless it has just been added. */
  readonly previous: KubeObject | undefined;
  readonly version: number;
}

/** The object was changed by somebody else in the meantime. */
export class StaleObject extends Error {
  override name = 'StaleObject';
}

const rememberedChanges = 5000;

/** All objects of the cluster, with the bookkeeping that etcd and the API server do for them. */
export class ObjectStore {
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners = new Set<(change: Change) => void>();
  #changes: Change[] = [];
  #version = 1000;
  /** Whether changes have been forgotten. */
  #forgets = false;

  /** Version of the newest change; what a list carries. */
  get version(): number {
    return this.#version;
  }

  get<T extends KubeObject>(key: ObjectKey): T | undefined {
    const found = this.#objects.get(path(key));
    return found === undefined ? undefined : (structuredClone(found) as T);
  }

  /** Objects of one resource, of one namespace or ('') of all, ordered by name as etcd does. */
  list<T extends KubeObject>(resource: string, namespace = ''): T[] {
    const prefix = namespace === '' ? `${resource}/` : `${resource}/${namespace}/`;
    const paths = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    return paths.map((key) => structuredClone(this.#objects.get(key)) as T);
  }

  /** Adds an object that is not there yet, and gives it its identity. */
  create<T extends KubeObject>(resource: string, object: T): T {
    const { namespace = '', name } = object.metadata;
    const metadata: ObjectMeta = { ...object.metadata, uid: randomUUID(), creationTimestamp: timestamp() };
    if (resource in hasGeneration) metadata.generation = 1;
    return this.#put('ADDED', { resource, namespace, name }, { ...object, metadata });
  }

  /**
   * Replaces an object. A changed `spec` of a resource that counts them is a new generation;
   * nothing changed is no change at all.
   *
   * @throws {StaleObject} if the object carries a resource version that is no longer the newest
   */
  update<T extends KubeObject>(resource: string, object: T): T {
    const { namespace = '', name } = object.metadata;
    const key = { resource, namespace, name };
    const before = this.#objects.get(path(key));
    if (before === undefined) throw new StaleObject(`${resource} ${name} is gone`);
    const { resourceVersion, uid, generation, creationTimestamp } = before.metadata;
    const asked = object.metadata.resourceVersion;
    if (asked !== undefined && asked !== resourceVersion)
      throw new StaleObject(`${resource} ${name} changed`);
    const kept = { uid, generation, creationTimestamp, resourceVersion };
    const after = { ...object, metadata: { ...object.metadata, ...kept } } as T;
    if (generation !== undefined && !isDeepStrictEqual(before.spec, after.spec)) {
      after.metadata.generation = generation + 1;
    }
    if (isDeepStrictEqual(plain(before), plain(after))) return structuredClone(before) as T;
    return this.#put('MODIFIED', key, after);
  }

  /** Changes whatever is there now; does nothing if the object is gone. */
  modify<T extends KubeObject>(key: ObjectKey, change: (object: T) => void): T | undefined {
    const object = this.get<T>(key);
    if (object === undefined) return undefined;
    change(object);
    return this.update(key.resource, object);
  }

  /** Removes an object at once; does nothing if it is gone. */
  remove(key: ObjectKey): void {
    const object = this.#objects.get(path(key));
    if (object === undefined) return;
    this.#objects.delete(path(key));
    this.#announce({ type: 'DELETED', resource: key.resource, stored: object, previous: object });
  }

  /** Calls `listener` after every change; returns how to stop that. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The changes after `version`, or undefined if they are forgotten. */
  since(version: number): readonly Change[] | undefined {
    const oldest = this.#changes[0]?.version ?? this.#version + 1;
    if (version + 1 < oldest && this.#forgets) return undefined;
    return this.#changes.filter((change) => change.version > version);
  }

  #put<T extends KubeObject>(type: 'ADDED' | 'MODIFIED', key: ObjectKey, object: T): T {
    const stored = plain(object);
    const previous = this.#objects.get(path(key));
    this.#objects.set(path(key), stored);
    this.#announce({ type, resource: key.resource, stored, previous });
    return structuredClone(stored) as T;
  }

  #announce({ stored, ...made }: Omit<Change, 'object' | 'version'> & { readonly stored: KubeObject }): void {
    this.#version += 1;
    stored.metadata.resourceVersion = String(this.#version);
    const change = { ...made, object: structuredClone(stored), version: this.#version };
    this.#changes.push(change);
    if (this.#changes.length > rememberedChanges) {
      this.#changes = this.#changes.slice(-rememberedChanges / 2);
      this.#forgets = true;
    }
    for (const listener of [...this.#listeners]) listener(change);
  }
}

/** Resources whose `metadata.generation` counts the changes of their `spec`. */
const hasGeneration = { statefulsets: true, deployments: true, replicasets: true };

function path({ resource, namespace, name }: ObjectKey): string {
  return `${resource}/${namespace}/${name}`;
}

/** A copy as JSON would make it: own, and without undefined members. */
function plain<T extends KubeObject>(object: T): T {
  return JSON.parse(JSON.stringify(object)) as T;
}
