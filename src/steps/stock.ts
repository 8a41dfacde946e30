/** Finds out what repositories hold, and what that takes on the registry's disk. Changes nothing. */
import { RegistryError } from '../domain/errors.ts';
import { type ManifestContent, readManifestContent } from '../domain/manifest-content.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
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
};

interface LookedAtRepository {
  readonly tags: ReadonlyMap<Tag, Digest>;
  /** Those of the tags that stand for a throw-away manifest at the moment. */
  readonly untied: ReadonlyMap<Tag, Tag>;
  /** The ledgers. */
  readonly markers: readonly Digest[];
}

/** What was found of a registry, or of a part of it. */
export class Stock {
  readonly space = new Space();
  /** `repository:tag` or `repository@digest` of what could not be read. */
  readonly unread = new Set<string>();
  readonly #context: StockContext;

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
    const atMs = this.#context.clock.now();
    const found = await this.#look(listed, progress);
    const places = [...found].flatMap(([repository, { tags, markers }]) =>
      [...new Set([...tags.values(), ...markers])].map((digest) => ({ repository, digest })),
    );
    await this.read(places, progress);
    return [...found].map(([repository, { tags, untied }]) => {
      const present = new Map([...tags].filter(([, digest]) => this.space.has({ repository, digest })));
      for (const [tag, digest] of present)
        if (!untied.has(tag)) this.#context.cache.noteTag(repository, tag, { digest, atMs });
      const graph = new TagGraph(present, (digest) => this.space.childrenOf(digest));
      return { repository, tags: present, graph };
    });
  }

  /** Reads these manifests, which are known to be there, and what indexes among them list. */
  async read(places: readonly ManifestPlace[], progress: Progress): Promise<void> {
    let done = 0;
    let total = places.length;
    let next: { readonly place: ManifestPlace; readonly isListed: boolean }[] = places.map((place) => ({
      place,
      isListed: false,
    }));
    while (next.length > 0) {
      const now = next;
      next = [];
      await this.#concurrently(now, async ({ place, isListed }) => {
        const content = this.space.has(place) ? undefined : await this.#contentOf(place, isListed);
        if (content) {
          this.space.add(place.repository, content);
          const children = content.children.map((digest) => ({ ...place, digest }));
          next.push(...children.map((child) => ({ place: child, isListed: true })));
        }
        done += 1;
        progress.update({ done, total, text: 'manifests read' });
      });
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

  async #look(listed: ReadonlyMap<Repository, readonly Tag[]>, progress: Progress) {
    const { cache } = this.#context;
    const total = [...listed.values()].reduce((sum, { length }) => sum + length, 0);
    let done = 0;
    const found = new Map<Repository, LookedAtRepository>();
    await concurrently(listed, this.#context.settings.concurrency, async ([repository, tags]) => {
      const looked = await lookAtTags(this.#context, {
        ...{ repository, tags },
        known: (tag) => cache.lastSeen(repository, tag),
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
      found.set(repository, { tags: digests, untied: looked.untied, markers });
    });
    // In the order of the catalogue, whatever answered first.
    return new Map(
      [...listed.keys()].flatMap((name) => {
        const one = found.get(name);
        return one ? [[name, one] as const] : [];
      }),
    );
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
  async #contentOf(place: ManifestPlace, isListed: boolean): Promise<ManifestContent | undefined> {
    const { cache, inventory } = this.#context;
    const { repository, digest } = place;
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
