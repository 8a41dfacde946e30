/** A registry in memory that behaves like Docker Distribution where it matters (see its tests for what that is). */
import assert from 'node:assert/strict';
import { RegistryError } from '../../../src/domain/errors.ts';
import type { Manifest } from '../../../src/domain/manifest.ts';
import { type Digest, parseTag, type Repository, type Tag } from '../../../src/domain/names.ts';
import { isMarker, type Ledger } from '../../../src/domain/untagging.ts';
import type {
  Inventory,
  Reading,
  Registry,
  RegistryContent,
  Resolution,
  StoredManifest,
  TagListing,
  Untagging,
} from '../../../src/ports.ts';
import { digest, tag } from '../../domain/builders.ts';

/** One call that the program makes. */
export interface RegistryCall {
  readonly operation:
    | 'check'
    | 'catalog'
    | 'read'
    | 'list'
    | 'resolve'
    | 'delete'
    | 'removeDangling'
    | 'probe'
    | 'writeLedger'
    | 'readLedger'
    | 'untie'
    | 'sweep'
    | 'retie'
    | 'removeLedger'
    | 'put'
    | 'blob'
    | 'read'
    | 'quiesce'
    | 'close';
  readonly repository?: Repository;
  readonly reference?: Tag | Digest;
}

interface Content {
  readonly tags: Map<Tag, Digest>;
  readonly manifests: Map<Digest, Manifest>;
}

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** What needs no answer of the registry. */
const ALWAYS: ReadonlySet<RegistryCall['operation']> = new Set(['quiesce', 'close']);

export class FakeRegistry implements Registry {
  /** Whether the running registry lets manifests be deleted. */
  deletionEnabled: () => boolean = () => true;
  /** Whether anybody answers at all. */
  isUp: () => boolean = () => true;
  /** Called before an operation takes place; what it throws is the operation's failure. */
  before: (call: RegistryCall) => void = () => {};
  /** Called when it has taken place; what it throws is an answer that was lost. */
  after: (call: RegistryCall) => void = () => {};
  readonly calls: RegistryCall[] = [];
  readonly #repositories = new Map<Repository, Content>();
  readonly #garbled = new Set<Digest>();
  readonly #ledgers = new Map<Digest, Ledger>();
  readonly #throwAways = new Map<Digest, Tag>();
  readonly #lostBlobs = new Set<Digest>();
  /** `repository:tag` of what it cannot read. */
  readonly #broken = new Set<string>();
  /** Blobs of which the registry only knows where they should be. */
  readonly #elsewhere = new Set<Digest>();
  /** As an adapter that only deletes manifests; see `canUntie`. */
  untagging: Untagging | undefined;
  /** As an adapter that tells of blobs; see `canReadContent`. */
  content: RegistryContent | undefined;
  /** As an adapter that cannot tell what the registry holds; see `canList`. */
  inventory: Inventory | undefined;
  /** The layers of an image by its nickname, each with its size. What has none is a small image with a config of its own. */
  readonly layers = new Map<string, Readonly<Record<string, number>>>();
  /** What the adapter can tell about the deletion setting. */
  canProbe = false;

  /** Puts an image under a tag; the same nickname is the same manifest. */
  push(repository: Repository, name: string, nickname: string, children: readonly string[] = []): Digest {
    const image = digest(nickname);
    const { tags, manifests } = this.#make(repository);
    manifests.set(image, {
      digest: image,
      mediaType: children.length > 0 ? INDEX : IMAGE,
      children: children.map(digest),
    });
    if (name !== '') tags.set(tag(name), image);
    return image;
  }

  clear(): void {
    this.#repositories.clear();
  }

  untag(repository: Repository, name: string): void {
    this.#repositories.get(repository)?.tags.delete(tag(name));
  }

  /** Lets the registry list a tag that it has no manifest for. */
  breakManifest(repository: Repository, nickname: string): void {
    this.#repositories.get(repository)?.manifests.delete(digest(nickname));
  }

  /** Lets the registry list a tag that stands for nothing, as if ended in the middle of removing the tag's files. */
  halfRemove(repository: Repository, name: string): void {
    this.#make(repository).tags.set(tag(name), digest('nothing'));
  }

  /**
   * Lets a tag's file be empty, as if ended in the middle of writing it: it cannot be read, and no deletion in the
   * repository ends well, until the tag is put again.
   */
  emptyTag(repository: Repository, name: string): void {
    this.#make(repository).tags.set(tag(name), digest('nothing'));
    this.#broken.add(`${repository}:${name}`);
  }

  #requireRead(repository: Repository, name: string): void {
    if (this.#broken.has(`${repository}:${name}`)) throw internal(`${repository}:${name}`);
  }

  /** Docker Distribution looks which tags stand for a manifest when that is gone. */
  #requireReadable(repository: Repository): void {
    const broken = this.tags(repository).find((name) => this.#broken.has(`${repository}:${name}`));
    if (broken !== undefined) throw internal(`deleting, ${broken}`);
  }

  /** The layer of an image is collected. */
  collect(nickname: string): void {
    this.#lostBlobs.add(blobOf('layer', digest(nickname)));
  }

  /** The layer of an image is in an object store that the registry sends on to. */
  keepElsewhere(nickname: string): void {
    this.#elsewhere.add(blobOf('layer', digest(nickname)));
  }

  /** Turns a manifest into something that the program does not understand. */
  garble(repository: Repository, nickname: string): void {
    this.#garbled.add(digest(nickname));
    assert.ok(this.has(repository, nickname));
  }

  /** A repository that is known and empty. */
  empty(repository: Repository): void {
    this.#make(repository).tags.clear();
  }

  tags(repository: Repository): Tag[] {
    return [...(this.#repositories.get(repository)?.tags.keys() ?? [])];
  }

  has(repository: Repository, nickname: string): boolean {
    return this.#repositories.get(repository)?.manifests.has(digest(nickname)) ?? false;
  }

  /** Every tag with its digest, as `repository:tag digest`, sorted. */
  dump(): string[] {
    return [...this.#repositories]
      .flatMap(([repository, { tags }]) => [...tags].map(([name, image]) => `${repository}:${name} ${image}`))
      .sort();
  }

  count(operation: RegistryCall['operation']): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  check(): Promise<void> {
    return this.#call({ operation: 'check' }, () => undefined);
  }

  listTags(repository: Repository): Promise<TagListing> {
    return this.#call({ operation: 'list', repository }, () => {
      const content = this.#repositories.get(repository);
      return content ? { state: 'listed', tags: [...content.tags.keys()] } : { state: 'missing' };
    });
  }

  resolve(repository: Repository, reference: Tag | Digest): Promise<Resolution> {
    return this.#call({ operation: 'resolve', repository, reference }, () =>
      this.#look(repository, reference),
    );
  }

  /** A look like any other. */
  read(repository: Repository, reference: Tag | Digest): Promise<Reading> {
    return this.#call({ operation: 'resolve', repository, reference }, () => {
      const found = this.#look(repository, reference);
      return found.state === 'found' ? { ...found, stored: this.#stored(found.manifest) } : found;
    });
  }

  #look(repository: Repository, reference: Tag | Digest): Resolution {
    const content = this.#repositories.get(repository);
    const name = parseTag(reference);
    if (name !== undefined) this.#requireRead(repository, name);
    const target = name === undefined ? (reference as Digest) : content?.tags.get(name);
    if (target === undefined) return { state: 'gone' };
    const manifest = content?.manifests.get(target);
    const marker = this.#throwAways.get(target);
    if (marker !== undefined && manifest) return { state: 'untied', marker };
    if (this.#garbled.has(target)) return { state: 'unreadable', reason: 'it is not a JSON object' };
    if (manifest) return { state: 'found', manifest };
    return name === undefined ? { state: 'gone' } : { state: 'dangling', reason: 'no such manifest' };
  }

  deleteManifest(repository: Repository, image: Digest): Promise<'deleted' | 'gone'> {
    return this.#call({ operation: 'delete', repository, reference: image }, () => {
      if (!this.deletionEnabled())
        throw new RegistryError(`Deleting ${repository}@${image} is not supported (405).`, {
          failure: 'unsupported',
        });
      const content = this.#repositories.get(repository);
      if (!content?.manifests.delete(image)) return 'gone';
      this.#requireReadable(repository);
      for (const [name, target] of content.tags) if (target === image) content.tags.delete(name);
      return 'deleted';
    });
  }

  removeDanglingTag(repository: Repository, name: Tag): Promise<void> {
    return this.#call({ operation: 'removeDangling', repository, reference: name }, () => {
      const content = this.#repositories.get(repository);
      const target = content?.tags.get(name);
      if (target !== undefined && content?.manifests.has(target))
        throw new Error(`${repository}:${name} is not dangling.`);
      this.#broken.delete(`${repository}:${name}`);
      content?.tags.delete(name);
    });
  }

  deletionState(): Promise<'enabled' | 'disabled' | 'unknown'> {
    if (!this.canProbe) return Promise.resolve('unknown');
    return this.#call({ operation: 'probe' }, () => (this.deletionEnabled() ? 'enabled' : 'disabled'));
  }

  /** From now on it unties tags: as Distribution 3 (`tag`) or 2 (`throw-away`) lets it be done. */
  canUntie(means: 'tag' | 'throw-away'): void {
    const contentOf = (repository: Repository) => this.#make(repository);
    const throwAwayOf = (ledger: Ledger) => digest(`throw-away of ${ledger.marker}`);
    const ledgerOf = (ledger: Ledger) => digest(`ledger ${ledger.marker}`);
    const remove = (repository: Repository, image: Digest) => {
      if (!this.deletionEnabled()) throw new RegistryError('not supported (405)', { failure: 'unsupported' });
      const { tags, manifests } = contentOf(repository);
      manifests.delete(image);
      this.#requireReadable(repository);
      for (const [name, target] of tags) if (target === image) tags.delete(name);
    };
    const put = (repository: Repository, name: Tag, image: Digest) => {
      this.#broken.delete(`${repository}:${name}`);
      const { tags, manifests } = contentOf(repository);
      manifests.set(image, { digest: image, mediaType: INDEX, children: [] });
      tags.set(name, image);
    };
    this.untagging = {
      writeLedger: (repository, ledger) =>
        this.#call({ operation: 'writeLedger', repository, reference: ledger.marker }, () => {
          assert.ok(isMarker(ledger.marker));
          this.#ledgers.set(ledgerOf(ledger), ledger);
          put(repository, ledger.marker, ledgerOf(ledger));
        }),
      readLedger: (repository, marker) =>
        this.#call({ operation: 'readLedger', repository, reference: marker }, () => {
          this.#requireRead(repository, marker);
          const target = contentOf(repository).tags.get(marker);
          return target === undefined ? undefined : this.#ledgers.get(target);
        }),
      untie: (repository, name, ledger) =>
        this.#call({ operation: 'untie', repository, reference: name }, () => {
          const { tags, manifests } = contentOf(repository);
          if (!this.#broken.has(`${repository}:${name}`))
            assert.equal(
              ledger.tags.get(name),
              tags.get(name),
              `${name} is untied from what its ledger names`,
            );
          assert.ok(manifests.has(ledgerOf(ledger)), 'the ledger is there');
          if (means === 'tag') {
            tags.delete(name);
            return;
          }
          this.#throwAways.set(throwAwayOf(ledger), ledger.marker);
          put(repository, name, throwAwayOf(ledger));
        }),
      sweep: (repository, ledger) =>
        this.#call({ operation: 'sweep', repository, reference: ledger.marker }, () =>
          remove(repository, throwAwayOf(ledger)),
        ),
      retie: (repository, name, image) =>
        this.#call({ operation: 'retie', repository, reference: name }, () => {
          const { tags, manifests } = contentOf(repository);
          if (!manifests.has(image)) return 'gone';
          this.#broken.delete(`${repository}:${name}`);
          tags.set(name, image);
          return 'tied';
        }),
      removeLedger: (repository, ledger) =>
        this.#call({ operation: 'removeLedger', repository, reference: ledger.marker }, () =>
          remove(repository, ledgerOf(ledger)),
        ),
    };
  }

  /**
   * From now on it tells of blobs, and takes manifests: an image `x` consists of the blobs `config of x` and `layer of x`.
   * What was read has to be put back as it is. What its digest says is not that of these bytes.
   */
  canReadContent(blobs: 'there' | 'known' = 'there'): void {
    this.content = {
      knowsBlob: (repository, blob) =>
        this.#call({ operation: 'blob', repository, reference: blob }, () => {
          if (this.#lostBlobs.has(blob)) return 'unknown';
          return this.#elsewhere.has(blob) ? 'known' : blobs;
        }),
      readManifest: (repository, image) =>
        this.#call({ operation: 'read', repository, reference: image }, () => {
          const found = this.#look(repository, image);
          return found.state === 'found' ? this.#stored(found.manifest) : undefined;
        }),
      putManifest: (repository, reference, { bytes }) =>
        this.#call({ operation: 'put', repository, reference }, () => {
          const { mediaType, digest: image, children, layer } = parseStored(bytes);
          const { tags, manifests } = this.#make(repository);
          const missing = [...children.filter((child) => !manifests.has(child)), layer].find(
            (each) => each !== undefined && (this.#lostBlobs.has(each) || children.includes(each)),
          );
          if (missing !== undefined)
            throw new RegistryError(`manifest blob unknown: ${missing}`, { failure: 'other' });
          manifests.set(image, { digest: image, mediaType, children });
          const name = parseTag(reference);
          if (name !== undefined) tags.set(name, image);
          return image;
        }),
    };
  }

  /** From now on it tells what it holds. */
  canList(): void {
    this.inventory = {
      listRepositories: () => this.#call({ operation: 'catalog' }, () => [...this.#repositories.keys()]),
      readManifest: (repository, image) =>
        this.#call({ operation: 'read', repository, reference: image }, () => {
          const manifest = this.#repositories.get(repository)?.manifests.get(image);
          return manifest && this.#stored(manifest);
        }),
    };
  }

  /** A blob that an image consists of vanishes. */
  loseBlob(nickname: string): void {
    this.#lostBlobs.add(digest(nickname));
  }

  /** Bytes that say which manifest they are. */
  #stored({ digest: image, mediaType, children }: Manifest): StoredManifest {
    const sized = (each: Digest, size = 1) => ({ digest: each, size });
    const named = [...this.layers].find(([nickname]) => digest(nickname) === image)?.[1];
    const layers = named
      ? Object.entries(named).map(([nickname, size]) => sized(digest(nickname), size))
      : [sized(blobOf('layer', image), 0)];
    const parts =
      children.length > 0 || mediaType === INDEX
        ? { manifests: children.map((child) => ({ ...sized(child), mediaType: IMAGE })) }
        : { config: sized(blobOf('config', image)), layers };
    const text = JSON.stringify({ schemaVersion: 2, mediaType, ...parts, annotations: { digest: image } });
    return { mediaType, bytes: Buffer.from(this.#garbled.has(image) ? 'garbled' : text) };
  }

  quiesce(): Promise<void> {
    return this.#call({ operation: 'quiesce' }, () => undefined);
  }

  close(): Promise<void> {
    return this.#call({ operation: 'close' }, () => undefined);
  }

  async #call<T>(call: RegistryCall, operation: () => T): Promise<T> {
    this.calls.push(call);
    // An answer never comes in the same turn.
    await Promise.resolve();
    this.before(call);
    if (!ALWAYS.has(call.operation) && !this.isUp()) throw temporary('connection refused');
    const result = operation();
    this.after(call);
    return result;
  }

  #make(repository: Repository): Content {
    const known = this.#repositories.get(repository);
    if (known) return known;
    const content: Content = { tags: new Map(), manifests: new Map() };
    this.#repositories.set(repository, content);
    return content;
  }
}

/** An image `x` consists of the blobs `config of x` and `layer of x`. */
function blobOf(kind: 'config' | 'layer', image: Digest): Digest {
  const nickname = Buffer.from(image.slice('sha256:'.length).replace(/(00)+$/, ''), 'hex').toString();
  return digest(`${kind} of ${nickname}`);
}

function parseStored(bytes: Uint8Array) {
  const { mediaType, manifests, layers, annotations } = JSON.parse(Buffer.from(bytes).toString());
  const children = (manifests ?? []).map((entry: { digest: Digest }) => entry.digest) as Digest[];
  return {
    mediaType: mediaType as string,
    digest: annotations.digest as Digest,
    children,
    layer: layers?.[0].digest as Digest | undefined,
  };
}

/** A failure that trying again can help. */
export function temporary(message = 'the registry answered 503'): RegistryError {
  return new RegistryError(message, { failure: 'temporary' });
}

/** The registry has something that it cannot read. */
function internal(what: string): RegistryError {
  return new RegistryError(`${what}: the registry answered 500`, { failure: 'temporary', internal: true });
}
