/** Finds out what repositories hold, and what that takes on the registry's disk. Changes nothing. */
import { RegistryError } from '../domain/errors.ts';
import { type ManifestContent, readManifestContent } from '../domain/manifest-content.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import { counts, type Remembered } from '../domain/remembered.ts';
import type { FoundRepository } from '../domain/scan.ts';
import { type ManifestPlace, Space } from '../domain/space.ts';
import { TagGraph } from '../domain/tag-graph.ts';
import { isMarker } from '../domain/untagging.ts';
import type { Inventory, ManifestCache, Progress } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import { type Looker, lookAt, lookAtTags, tagsOf } from './look.ts';
import { retrying } from './retry.ts';

/** Reads under way for each operation at a time; see the same figure in `look.ts`. */
const IN_FLIGHT = 32;
/** One manifest that cannot be read is not waited for as long as a registry that restarts. */
const ATTEMPTS = 4;

export type StockContext = Looker & {
  readonly inventory: Inventory;
  readonly cache: ManifestCache;
  /** For how long a look at a revision counts, in milliseconds; 0: each tag is asked for again. */
  readonly maxAgeMs: number;
};

interface LookedAtRepository {
  /** All that the repository lists. */
  readonly listed: readonly Tag[];
  readonly tags: ReadonlyMap<Tag, Digest>;
  /** Those of the tags that stand for a throw-away manifest at the moment. */
  readonly untied: ReadonlyMap<Tag, Tag>;
  /** The ledgers. */
  readonly markers: readonly Digest[];
  /** Those of the tags that were not asked for again. */
  readonly remembered: ReadonlySet<Tag>;
}

/** A manifest that is to be read. */
interface Sought extends ManifestPlace {
  /** Known only from an index, whose repository need not have it. */
  readonly isListed?: boolean;
  /** What it lists was seen to be there, and that still counts. */
  readonly isWhole?: boolean;
}

/** What was found of a registry, or of a part of it. */
export class Stock {
  readonly space = new Space();
  /** `repository:tag` or `repository@digest` of what could not be read. */
  readonly unread = new Set<string>();
  readonly #context: StockContext;
  #rememberedTags = 0;
  #oldestMs = Number.POSITIVE_INFINITY;

  constructor(context: StockContext) {
    this.#context = context;
  }

  /** Finds every repository that the registry has, with all tags that have a manifest. */
  async takeAll(progress: Progress): Promise<readonly FoundRepository[]> {
    progress.status('listing the repositories');
    const { inventory } = this.#context;
    return await this.take(await retrying(() => inventory.listRepositories(), this.#context), progress);
  }

  /** The same for these repositories; one that is gone is left out. */
  async take(repositories: Iterable<Repository>, progress: Progress): Promise<readonly FoundRepository[]> {
    const listed = await this.#list([...repositories], progress);
    const nowMs = this.#context.clock.now();
    const looked = await this.#look(listed, { nowMs, progress });
    await this.read(
      [...looked].flatMap(([repository, found]) => sought(repository, found)),
      progress,
    );
    return [...looked].map(([repository, { tags, ...more }]) => {
      const present = new Map([...tags].filter(([, digest]) => this.space.has({ repository, digest })));
      const graph = new TagGraph(present, (digest) => this.space.childrenOf(digest));
      const found = { repository, tags: present, graph };
      this.#note(found, { ...more, atMs: nowMs });
      return found;
    });
  }

  /** The looks that were spared; `undefined` when there was none. */
  get remembered(): Remembered | undefined {
    const tags = this.#rememberedTags;
    return tags === 0 ? undefined : { tags, oldestAt: new Date(this.#oldestMs).toISOString() };
  }

  /** Reads these manifests, which are known to be there, and what indexes among them list. */
  async read(places: readonly Sought[], progress: Progress): Promise<void> {
    let done = 0;
    let total = places.length;
    let next = places;
    while (next.length > 0) {
      const now = next;
      const listed: Sought[] = [];
      await this.#concurrently(now, async (place) => {
        const content = this.space.has(place) ? undefined : await this.#contentOf(place);
        if (content) {
          const { repository, isWhole = false } = place;
          this.space.add(repository, content);
          for (const digest of content.children)
            listed.push({ repository, digest, isListed: !isWhole, isWhole });
        }
        done += 1;
        progress.update({ done, total, text: 'manifests read' });
      });
      next = listed;
      total += next.length;
    }
  }

  async #list(
    repositories: readonly Repository[],
    progress: Progress,
  ): Promise<ReadonlyMap<Repository, readonly Tag[]>> {
    const listed = new Map<Repository, readonly Tag[]>();
    let done = 0;
    await this.#concurrently(repositories, async (repository) => {
      const tags = await tagsOf(this.#context, repository);
      if (tags !== undefined) listed.set(repository, tags);
      done += 1;
      progress.update({ done, total: repositories.length, text: 'repositories listed' });
    });
    return listed;
  }

  async #look(
    listed: ReadonlyMap<Repository, readonly Tag[]>,
    { nowMs, progress }: { readonly nowMs: number; readonly progress: Progress },
  ) {
    const { cache, maxAgeMs } = this.#context;
    const total = [...listed.values()].reduce((sum, { length }) => sum + length, 0);
    let done = 0;
    const found = new Map<Repository, LookedAtRepository>();
    await concurrently(listed, this.#context.settings.concurrency, async ([repository, tags]) => {
      const looked = await lookAtTags(this.#context, {
        ...{ repository, tags },
        known: (tag) => cache.lastSeen(repository, tag),
        counts: (tag) =>
          counts({ repository, tag, seenAtMs: cache.seenAtMs(repository, tag) }, { nowMs, maxAgeMs }),
        onLooked: () => {
          done += 1;
          progress.update({ done, total, text: 'tags looked at' });
        },
        onFailed: (_tag, error) => this.#excuse(error),
      });
      for (const tag of looked.unreadable) this.unread.add(`${repository}:${tag}`);
      const digests = new Map<Tag, Digest>();
      for (const [tag, digest] of looked.tags) if (digest !== undefined) digests.set(tag, digest);
      const markers = await this.#digestsOf(repository, tags.filter(isMarker));
      const { untied, remembered } = looked;
      for (const tag of remembered) this.#remember(cache.seenAtMs(repository, tag));
      found.set(repository, { listed: tags, tags: digests, untied, markers, remembered });
    });
    // In the order of the catalogue, whatever answered first.
    return new Map(
      [...listed.keys()].flatMap((name) => {
        const one = found.get(name);
        return one ? [[name, one] as const] : [];
      }),
    );
  }

  #remember(seenAtMs: number | undefined): void {
    this.#rememberedTags += 1;
    this.#oldestMs = Math.min(this.#oldestMs, seenAtMs ?? 0);
  }

  /** Leaves to the next scan what this one has seen. What was not asked for again is not seen anew. */
  #note(
    { repository, tags, graph }: FoundRepository,
    looked: Pick<LookedAtRepository, 'listed' | 'untied' | 'remembered'> & { readonly atMs: number },
  ): void {
    const { cache } = this.#context;
    for (const tag of [...looked.listed, ...looked.untied.keys()]) {
      if (looked.remembered.has(tag)) continue;
      const digest = tags.get(tag);
      if (digest === undefined || looked.untied.has(tag)) {
        cache.doubtTag(repository, tag);
        continue;
      }
      const isWhole = [...graph.reached([tag])].every((each) => this.space.has({ repository, digest: each }));
      cache.noteTag(repository, tag, { digest, atMs: isWhole ? looked.atMs : undefined });
    }
  }

  async #digestsOf(repository: Repository, tags: readonly Tag[]): Promise<readonly Digest[]> {
    const digests: Digest[] = [];
    for (const tag of tags) {
      const resolution = await lookAt(this.#context, repository, tag);
      if (resolution.state === 'found') digests.push(resolution.manifest.digest);
    }
    return digests;
  }

  /** `undefined` for what is not there, and for what cannot be read. */
  async #contentOf(place: Sought): Promise<ManifestContent | undefined> {
    const { cache, inventory } = this.#context;
    const { repository, digest, isListed } = place;
    const known = cache.content(digest);
    try {
      // What an index lists need not be in its repository.
      if (known) return isListed && !(await this.#isThere(place)) ? undefined : known;
      const given = { ...this.#context, attempts: ATTEMPTS };
      const stored = await retrying(() => inventory.readManifest(repository, digest), given);
      if (stored === undefined) return undefined;
      const { bytes } = stored;
      const text = Buffer.from(bytes).toString('utf8');
      const content = readManifestContent({ digest, text, size: bytes.length });
      if (content === undefined) this.unread.add(`${repository}@${digest}`);
      else cache.keep(content);
      return content;
    } catch (error) {
      await this.#excuse(error);
      this.unread.add(`${repository}@${digest}`);
      return undefined;
    }
  }

  async #isThere({ repository, digest }: ManifestPlace): Promise<boolean> {
    return (await lookAt(this.#context, repository, digest)).state === 'found';
  }

  /** One manifest that cannot be read is told, and no reason to end; that the registry does not answer is one. */
  async #excuse(error: unknown): Promise<void> {
    const { signal, registry } = this.#context;
    signal.throwIfAborted();
    if (!(error instanceof RegistryError)) throw error;
    await registry.check(signal).catch(() => Promise.reject(error));
  }

  async #concurrently<T>(items: Iterable<T>, operation: (item: T) => Promise<void>): Promise<void> {
    await concurrently(items, this.#context.settings.concurrency * IN_FLIGHT, operation);
  }
}

/** What the tags of a repository stand for, each manifest once. */
function sought(
  repository: Repository,
  { tags, markers, remembered }: LookedAtRepository,
): readonly Sought[] {
  // Only what was seen as a whole is remembered.
  const whole = new Set<Digest | undefined>();
  for (const tag of remembered) whole.add(tags.get(tag));
  const digests = new Set([...tags.values(), ...markers]);
  return [...digests].map((digest) => ({ repository, digest, isWhole: whole.has(digest) }));
}
