/**
 * Puts manifests back under their tags, what indexes list before the indexes. A tag that stands for something else by now
 * is left alone, and an image is put back only if everything that it needs is there.
 */
import { RegistryError } from '../domain/errors.ts';
import { readParts } from '../domain/manifest.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { LostTag, UndoEntry } from '../domain/undo.ts';
import type { RegistryContent, SavedContent, StoredManifest } from '../ports.ts';
import type { Context } from './context.ts';
import { ledgersOf, lookAtBroken, tagsOf } from './look.ts';
import { isBroken, retrying } from './retry.ts';

type Asker = Pick<Context, 'registry' | 'clock' | 'signal' | 'settings'>;

/** What is gone of what a manifest needs; and whether only an object store could tell of some of the rest. */
interface Condition {
  readonly missing: readonly Digest[];
  readonly unproven: boolean;
}

/** What stands in the way of a tag. */
type Place = 'free' | 'there' | 'taken';

export class PutBack {
  readonly #context: Asker;
  readonly #content: RegistryContent;
  readonly #saved: SavedContent;
  readonly #conditions = new Map<string, Promise<Condition>>();
  readonly #blobs = new Map<string, ReturnType<RegistryContent['knowsBlob']>>();
  /** By repository: what unfinished runs have untied, and from what. */
  readonly #untied = new Map<Repository, Promise<ReadonlyMap<Tag, Digest>>>();

  constructor(context: Asker, given: { content: RegistryContent; saved: SavedContent }) {
    this.#context = context;
    this.#content = given.content;
    this.#saved = given.saved;
  }

  /** Puts one tag back, if that can be done. Rejects when going on makes no sense: it can be repeated from the beginning. */
  async tag(lost: LostTag): Promise<UndoEntry> {
    const { repository, digest } = lost;
    const { missing, unproven } = await this.#conditionOf(repository, digest);
    let place = await this.#placeOf(lost);
    if (place === 'taken') return { ...lost, outcome: 'pushedSince' };
    if (missing.length > 0) return { ...lost, outcome: 'incomplete', missing, reason: tellMissing(missing) };
    const proof = unproven ? { unproven } : {};
    if (place === 'there') return { ...lost, outcome: 'there', ...proof };
    try {
      // What was put takes time: the tag is looked at again immediately before it is put itself.
      if (await this.#putListed(repository, digest)) place = await this.#placeOf(lost);
      if (place === 'taken') return { ...lost, outcome: 'pushedSince' };
      await this.#put(repository, lost.tag, digest);
      return { ...lost, outcome: 'restored', ...proof };
    } catch (error) {
      // What the registry says of others as well ends the work.
      if (!(error instanceof RegistryError) || error.failure !== 'other') throw error;
      return { ...lost, outcome: 'failed', reason: error.message };
    }
  }

  /** What is in the tag's place at this moment. */
  async #placeOf({ repository, tag, digest }: LostTag): Promise<Place> {
    const before = (await this.#untiedIn(repository)).get(tag);
    // A registry that was ended while it took what an earlier `undo` put cannot read it until it is put again.
    const now = await lookAtBroken(this.#context, repository, tag);
    switch (now.state) {
      case 'found':
        return now.manifest.digest === digest ? 'there' : 'taken';
      case 'unreadable':
        return 'taken';
      case 'gone':
      case 'untied':
      case 'dangling':
      case 'broken':
        // Somebody has pushed it since, and another run, which has died, was about to delete that.
        return before === undefined || before === digest ? 'free' : 'taken';
    }
  }

  #untiedIn(repository: Repository): Promise<ReadonlyMap<Tag, Digest>> {
    return remembered(this.#untied, repository, async () => {
      const ledgers = await ledgersOf(
        this.#context,
        repository,
        (await tagsOf(this.#context, repository)) ?? [],
      );
      return new Map([...ledgers.values()].flatMap(({ tags }) => [...tags]));
    });
  }

  /** What the image needs, all the way down. */
  #conditionOf(repository: Repository, digest: Digest): Promise<Condition> {
    return remembered(this.#conditions, `${repository}@${digest}`, async () => {
      const manifest = await this.#manifest(repository, digest);
      const needs = manifest && readParts(textOf(manifest), digest);
      if (needs === undefined) return { missing: [digest], unproven: false };
      const parts = await Promise.all([
        ...needs.blobs.map((blob) => this.#conditionOfBlob(repository, blob)),
        ...needs.manifests.map((child) => this.#conditionOf(repository, child)),
      ]);
      return {
        missing: [...new Set(parts.flatMap(({ missing }) => missing))],
        unproven: parts.some(({ unproven }) => unproven),
      };
    });
  }

  async #conditionOfBlob(repository: Repository, blob: Digest): Promise<Condition> {
    const known = await remembered(this.#blobs, `${repository}@${blob}`, () =>
      this.#ask(() => this.#content.knowsBlob(repository, blob)),
    );
    return { missing: known === 'unknown' ? [blob] : [], unproven: known === 'known' };
  }

  /** As it was saved; else as the registry still has it, since something else needs it. */
  async #manifest(repository: Repository, digest: Digest): Promise<StoredManifest | undefined> {
    const saved = await this.#saved.manifest(digest);
    return saved ?? (await this.#ask(() => this.#content.readManifest(repository, digest)));
  }

  /** Puts what an index lists, as far as it is not there, and what that lists before. `true` when something was put. */
  async #putListed(repository: Repository, index: Digest): Promise<boolean> {
    const manifest = await this.#manifest(repository, index);
    let hasPut = false;
    for (const child of (manifest && readParts(textOf(manifest), index)?.manifests) ?? []) {
      const now = await lookAtBroken(this.#context, repository, child);
      if (now.state !== 'gone' && now.state !== 'broken') continue;
      await this.#putListed(repository, child);
      await this.#put(repository, child, child);
      hasPut = true;
    }
    return hasPut;
  }

  async #put(repository: Repository, reference: Tag | Digest, digest: Digest): Promise<void> {
    const manifest = await this.#manifest(repository, digest);
    if (manifest === undefined) throw refused(`${repository}@${digest} has gone meanwhile.`);
    const put = await this.#ask(() => this.#content.putManifest(repository, reference, manifest));
    if (put !== digest) throw refused(`The registry made ${put} of ${repository}@${digest}.`);
    // A registry that was once ended while it wrote these bytes has something else, and does not write them anew.
    const back = await this.#ask(() => this.#content.readManifest(repository, digest)).catch(
      (error: unknown) => (isBroken(error) ? undefined : Promise.reject(error)),
    );
    if (back === undefined)
      throw refused(`The registry took ${repository}@${digest}, and cannot give it back.`);
  }

  #ask<T>(operation: () => Promise<T>): Promise<T> {
    return retrying(operation, this.#context);
  }
}

/** What was found out before, or is being found out; a failure is not remembered. */
function remembered<K, T>(known: Map<K, Promise<T>>, key: K, find: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const finding = find();
  known.set(key, finding);
  finding.catch(() => known.delete(key));
  return finding;
}

function textOf({ bytes }: StoredManifest): string {
  return Buffer.from(bytes).toString('utf8');
}

function tellMissing(missing: readonly Digest[]): string {
  const [first, ...more] = missing;
  return `the registry no longer has ${first}${more.length > 0 ? ` and ${more.length} more` : ''}, which it needs`;
}

function refused(message: string): RegistryError {
  return new RegistryError(message, { failure: 'other' });
}
