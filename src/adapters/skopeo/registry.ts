import { RegistryError, type RegistryFailure, UsageError } from '../../domain/errors.ts';
import { parseObject, readNames } from '../../domain/json.ts';
import { readManifest } from '../../domain/manifest.ts';
import { type Digest, parseDigest, parseTag, type Repository, type Tag } from '../../domain/names.ts';
import { isThrowAwayImage, throwAwayImage } from '../../domain/throw-away-image.ts';
import type { OwnManifest } from '../../domain/untagging.ts';
import type { Credentials, Reading, Registry, Resolution, Shell, TagListing } from '../../ports.ts';
import { digestOf, sha256 } from './digest.ts';
import type { Reply } from './frames.ts';
import type { Lane } from './lane.ts';
import { Lanes } from './lanes.ts';
import { printable, readFailure, type Verdict } from './prose.ts';
import { WorkQueue } from './queue.ts';

const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** A repository that need not exist: to see whether the registry answers. */
const PROBE = 'registry-cleaner/probe' as Repository;

export interface SkopeoRegistryOptions {
  readonly shell: Shell;
  /** `host:port`. */
  readonly registry: string;
  /** `undefined` for a registry without authentication. */
  readonly credentials: Credentials | undefined;
  /** Whether the registry speaks TLS, with a certificate that is to be verified. */
  readonly tls: boolean;
  /** As many Skopeo processes at once. More calls may be made at once, and should be: they wait here. */
  readonly concurrency: number;
  /** Identifies the run, over its resumes: letters, digits, `-` and `_`. */
  readonly run: string;
  /** Ends every call but `check` and `quiesce`, which have their own. */
  readonly signal: AbortSignal;
  /** How long a single command may take; a DELETE in a large repository on slow storage takes minutes. */
  readonly timeoutMs?: number;
}

/** A registry as Skopeo sees it, run by a shell where the registry can be reached. */
export function createSkopeoRegistry(options: SkopeoRegistryOptions): Registry {
  return new SkopeoRegistry(options);
}

class SkopeoRegistry implements Registry {
  /** Skopeo deletes by digest only. */
  readonly untagging = undefined;
  /** Skopeo gives the bytes of manifests, but tells nothing of blobs without fetching them, and puts no manifest alone. */
  readonly content = undefined;
  readonly inventory = undefined;
  readonly #credentials: Credentials | undefined;
  readonly #registry: string;
  readonly #queue: WorkQueue;
  readonly #lanes: Lanes;
  /** Listings that nobody has begun yet, by repository: only these may answer a further question. */
  readonly #awaitedListings = new Map<Repository, Promise<TagListing>>();

  constructor(options: SkopeoRegistryOptions) {
    validate(options);
    const { shell, registry, tls, concurrency, signal, run, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.#credentials = options.credentials;
    this.#registry = registry;
    this.#queue = new WorkQueue(registry);
    this.#lanes = new Lanes({
      ...{ shell, registry, tls, concurrency, signal, timeoutMs },
      queue: this.#queue,
      tokenPrefix: `skopeo-${run}.`,
      logIn: (lane) => this.#logIn(lane),
    });
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#lanes.withLane(signal, async (lane) => {
      if (this.#credentials !== undefined) return await this.#logIn(lane);
      this.#interpretListing(PROBE, await lane.run(`list ${PROBE}`));
    });
  }

  listTags(repository: Repository): Promise<TagListing> {
    const awaited = this.#awaitedListings.get(repository);
    if (awaited !== undefined) return awaited;
    const forget = () => {
      if (this.#awaitedListings.get(repository) === listing) this.#awaitedListings.delete(repository);
    };
    const listing = this.#command(`list ${repository}`, { begun: forget })
      .then((reply) => this.#interpretListing(repository, reply))
      .finally(forget);
    this.#awaitedListings.set(repository, listing);
    return listing;
  }

  async resolve(repository: Repository, reference: Tag | Digest): Promise<Resolution> {
    const digest = parseDigest(reference);
    if (digest !== undefined) return withoutBytes(await this.#inspect(repository, { digest }));
    const tag = requireTag(reference);
    const looking = this.#queue.addLook(repository, tag);
    this.#lanes.wake();
    const look = await looking;
    const resolution: Resolution =
      look === undefined
        ? withoutBytes(await this.#inspect(repository, { tag }))
        : { state: 'found', manifest: { ...look, children: [] } };
    return unlessLeftOver({ repository, tag }, resolution);
  }

  async read(repository: Repository, reference: Tag | Digest): Promise<Reading> {
    const digest = parseDigest(reference);
    if (digest !== undefined) return await this.#inspect(repository, { digest });
    const tag = requireTag(reference);
    return unlessLeftOver({ repository, tag }, await this.#inspect(repository, { tag }));
  }

  async deleteManifest(repository: Repository, digest: Digest): Promise<'deleted' | 'gone'> {
    const reply = await this.#command(`delete ${repository} @${digest}`);
    if (reply.status === 0) return 'deleted';
    const verdict = readFailure(reply);
    const what = `Could not delete ${repository}@${digest}`;
    if (verdict.meaning !== 'missing') throw registryError(what, verdict);
    // The same words stand for a manifest of a kind that Skopeo does not know: ask once more.
    const resolution = await this.#inspect(repository, { digest });
    if (resolution.state === 'gone') return 'gone';
    throw registryError(what, { meaning: 'other', reason: verdict.reason });
  }

  async removeDanglingTag(repository: Repository, tag: Tag): Promise<void> {
    const { digest, configHex, config, manifest } = throwAwayImage({ repository, tag }, sha256);
    const reply = await this.#command(`put ${repository} :${tag} ${configHex} ${config} ${manifest}`);
    if (reply.status !== 0)
      throw registryError(`Could not take away the tag ${repository}:${tag}`, readFailure(reply));
    await this.deleteManifest(repository, digest);
  }

  /** Skopeo cannot delete what is not there: it asks for the digest first. */
  async deletionState(): Promise<'unknown'> {
    return 'unknown';
  }

  async quiesce(signal: AbortSignal): Promise<void> {
    await this.#lanes.quiesce(signal);
  }

  async close(): Promise<void> {
    await this.#lanes.close();
  }

  #command(request: string, options: { begun?: () => void } = {}): Promise<Reply> {
    const reply = this.#queue.addCommand(request, options);
    this.#lanes.wake();
    return reply;
  }

  async #logIn(lane: Lane): Promise<void> {
    if (this.#credentials === undefined) return;
    const reply = await lane.logIn(this.#credentials);
    if (reply.status === 0) return;
    const what = `Could not log in to the registry ${this.#registry} as ${printable(this.#credentials.username)}`;
    throw registryError(what, readFailure(reply));
  }

  #interpretListing(repository: Repository, reply: Reply): TagListing {
    const what = `Could not list the tags of ${repository}`;
    if (reply.status === 0) {
      const tags = readNames(parseObject(reply.stdout.toString('utf8'))?.['Tags'], parseTag);
      if (tags !== undefined) return { state: 'listed', tags };
      throw registryError(what, { meaning: 'other', reason: 'the answer is not a list of tags' });
    }
    const verdict = readFailure(reply);
    if (verdict.meaning === 'missing') return { state: 'missing' };
    throw registryError(what, verdict);
  }

  async #inspect(repository: Repository, reference: { tag: Tag } | { digest: Digest }): Promise<Reading> {
    const suffix = 'tag' in reference ? `:${reference.tag}` : `@${reference.digest}`;
    const reply = await this.#command(`inspect ${repository} ${suffix}`);
    const what = `Could not look at ${repository}${suffix}`;
    if (reply.status === 0) {
      if ('digest' in reference) verifyDigest(what, { bytes: reply.stdout, digest: reference.digest });
      const reading = readManifest({ text: reply.stdout.toString('utf8'), digest: digestOf(reply.stdout) });
      if (reading.state === 'own') return leftByAnother(reading.own);
      if (reading.state !== 'found') return reading;
      const { mediaType } = reading.manifest;
      return { ...reading, stored: { mediaType, bytes: reply.stdout } };
    }
    const verdict = readFailure(reply);
    if (verdict.meaning !== 'missing') throw registryError(what, verdict);
    return 'tag' in reference
      ? await this.#doubt(repository, { tag: reference.tag, reason: verdict.reason })
      : { state: 'gone' };
  }

  /** A deleted tag and one whose manifest is missing or of another kind give the same words: the listing decides. */
  async #doubt(repository: Repository, { tag, reason }: { tag: Tag; reason: string }): Promise<NotFound> {
    const listing = await this.listTags(repository);
    const listed = listing.state === 'listed' && listing.tags.includes(tag);
    return listed ? { state: 'dangling', reason } : { state: 'gone' };
  }
}

type NotFound = Exclude<Resolution, { state: 'found' }>;

function requireTag(reference: string): Tag {
  const tag = parseTag(reference);
  if (tag === undefined) throw new TypeError(`Neither a tag nor a digest: ${printable(reference)}`);
  return tag;
}

function withoutBytes(reading: Reading): Resolution {
  return reading.state === 'found' ? { state: 'found', manifest: reading.manifest } : reading;
}

/** A program that was killed between the two halves of removing a dangling tag. */
function unlessLeftOver<T extends Resolution>(
  own: { readonly repository: Repository; readonly tag: Tag },
  found: T,
): T | NotFound {
  return found.state === 'found' && isThrowAwayImage(found.manifest.digest, own, sha256)
    ? { state: 'dangling', reason: 'it stands for a throw-away manifest' }
    : found;
}

/** What a run that untied its tags over another route has left. */
function leftByAnother(own: OwnManifest): NotFound {
  if (own.kind === 'lost') return { state: 'dangling', reason: 'it stands for a throw-away manifest' };
  return {
    state: 'unreadable',
    reason: `an unfinished run has untied it (see the tag ${own.marker}); a run with --via pod finishes it`,
  };
}

const NEXT: Readonly<Record<RegistryFailure, string>> = {
  unauthorized: 'Check the password: SKOPEO_PASSWORD, or the Secret domino-registry in domino-compute.',
  forbidden: "Check what the registry's user may do there.",
  unsupported: 'Deletion is not enabled in the registry (REGISTRY_STORAGE_DELETE_ENABLED).',
  temporary: 'Check that the registry runs and can be reached from where Skopeo runs, and try again.',
  other: '',
};

function registryError(what: string, { meaning, reason }: Verdict): RegistryError {
  const failure = meaning === 'missing' ? 'other' : meaning;
  return new RegistryError(`${what}: ${reason}.`, { failure, next: NEXT[failure] });
}

function verifyDigest(what: string, { bytes, digest }: { bytes: Buffer; digest: Digest }): void {
  const actual = digestOf(bytes);
  if (!digest.startsWith('sha256:') || actual === digest) return;
  throw registryError(what, { meaning: 'other', reason: `the registry answered with ${actual}` });
}

function validate({ registry, credentials, run, concurrency }: SkopeoRegistryOptions): void {
  const [, host = '', port] = /^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?$/.exec(registry) ?? [];
  if (host === '')
    throw new UsageError(`Not a registry's address: ${printable(registry)}`, { next: 'Give host:port.' });
  // Skopeo would take such a name for a repository of the Docker Hub.
  if (port === undefined && !host.includes('.') && host !== 'localhost') {
    throw new UsageError(`The registry's port is missing: ${registry}`, {
      next: `Give ${registry}:5000, for example.`,
    });
  }
  if (credentials !== undefined && /[\n\r\0]/.test(credentials.username + credentials.password)) {
    throw new UsageError("The registry's user name or password has a line break in it.", {
      next: 'Check SKOPEO_PASSWORD, or the Secret: a file often ends with a line break that is not part of it.',
    });
  }
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(run)) throw new TypeError(`Not the name of a run: ${printable(run)}`);
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new RangeError(`Not a concurrency: ${concurrency}`);
}
