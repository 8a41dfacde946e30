import { createHash } from 'node:crypto';

/** An object as the store keeps it. */
export interface StoredObject {
  readonly content: Buffer;
  /** With its quotation marks. */
  readonly etag: string;
  readonly modified: Date;
}

/** What a listing asks for. */
interface ListQuery {
  readonly prefix: string;
  /** Keys that have this behind the prefix are summed up, up to and with it; empty: none. */
  readonly delimiter: string;
  /** Only what comes after this key, or after all that it is the common prefix of. */
  readonly after: string;
  readonly limit: number;
}

/** One entry of a listing: a key, or the common prefix of several. */
export type ListEntry =
  | { readonly key: string; readonly object: StoredObject }
  | { readonly commonPrefix: string };

/** Comes after every key that begins with what stands before it. */
const last = '\u{10ffff}';
// Below this it is cheaper to put keys into their place one by one than to sort all again.
const fewKeys = 64;

/** Objects in memory, to be found by key and to be listed in the order of their keys. */
export class Objects {
  readonly #objects = new Map<string, StoredObject>();
  #sorted: string[] = [];
  /** Keys that have not found their place in the order yet. */
  #added: string[] = [];

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  put(key: string, content: Buffer): StoredObject {
    if (!this.#objects.has(key)) this.#added.push(key);
    const etag = `"${createHash('md5').update(content).digest('hex')}"`;
    const object = { content, etag, modified: new Date() };
    this.#objects.set(key, object);
    return object;
  }

  delete(key: string): boolean {
    const existed = this.#objects.delete(key);
    if (existed) this.#order().splice(this.#position(key), 1);
    return existed;
  }

  /** The first entries, and whether there are more. */
  list({ prefix, delimiter, after, limit }: ListQuery): { entries: ListEntry[]; truncated: boolean } {
    const keys = this.#order();
    const isSummed = delimiter !== '' && after.endsWith(delimiter);
    let at = Math.max(
      this.#position(prefix),
      after === '' ? 0 : this.#position(after + (isSummed ? last : '\0')),
    );
    const entries: ListEntry[] = [];
    for (let key = keys[at]; key?.startsWith(prefix); key = keys[at]) {
      if (entries.length === limit) return { entries, truncated: true };
      const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      if (end < 0) {
        entries.push({ key, object: this.#objects.get(key) as StoredObject });
        at += 1;
      } else {
        const commonPrefix = key.slice(0, end + delimiter.length);
        entries.push({ commonPrefix });
        at = this.#position(commonPrefix + last);
      }
    }
    return { entries, truncated: false };
  }

  /** All keys in their order. */
  #order(): string[] {
    const added = this.#added;
    this.#added = [];
    if (added.length > fewKeys) this.#sorted = this.#sorted.concat(added).sort();
    else for (const key of added) this.#sorted.splice(this.#position(key), 0, key);
    return this.#sorted;
  }

  /** Where in the order a key is, or would be. */
  #position(key: string): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
