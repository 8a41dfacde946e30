import { parseObject, readNames } from '../../domain/json.ts';
import { parseTag, type Repository, type Tag } from '../../domain/names.ts';
import type { TagListing } from '../../ports.ts';
import type { RegistryClient } from './client.ts';
import { readMissing } from './manifests.ts';
import { readPages } from './pages.ts';

const UNKNOWN: ReadonlySet<string> = new Set(['NAME_UNKNOWN']);

/** The tags of repositories. A list is whole or fails. */
export class Listings {
  readonly #client: RegistryClient;
  /** Lists that have not been asked for yet, by repository: only these may answer a further question. */
  readonly #awaited = new Map<Repository, Promise<TagListing>>();

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  /** Whoever asks for a list that still waits for its turn gets the same. */
  list(repository: Repository): Promise<TagListing> {
    const awaited = this.#awaited.get(repository);
    if (awaited !== undefined) return awaited;
    const forget = () => {
      if (this.#awaited.get(repository) === listing) this.#awaited.delete(repository);
    };
    const listing = this.#read(repository, forget).finally(forget);
    this.#awaited.set(repository, listing);
    return listing;
  }

  async #read(repository: Repository, onTurn: () => void): Promise<TagListing> {
    const path = `/v2/${repository}/tags/list`;
    const tags = new Set<Tag>();
    const request = {
      what: `Could not list the tags of ${repository}`,
      method: 'GET',
      path,
      onTurn,
    } as const;
    for await (const { answer, request: asked } of readPages(this.#client, request)) {
      // Only of the first page: a list that was begun does not become one of nothing.
      if (asked.path === path && readMissing(answer, UNKNOWN) !== undefined) return { state: 'missing' };
      if (answer.status !== 200) throw this.#client.refusal(asked, answer);
      const listed = readNames(parseObject(answer.body.toString('utf8'))?.['tags'], parseTag);
      if (listed === undefined)
        throw this.#client.unexpected(asked, { reason: 'the answer is not a list of tags' });
      for (const tag of listed) tags.add(tag);
    }
    return { state: 'listed', tags: [...tags] };
  }
}
