import { parseTag, type Repository, type Tag } from '../../domain/names.ts';
import type { TagListing } from '../../ports.ts';
import type { RegistryClient, RegistryRequest } from './client.ts';
import type { HttpAnswer } from './exchange.ts';
import { readMissing } from './manifests.ts';
import { nextPage } from './next-page.ts';

/** A list that has more pages has no end. */
const MOST_PAGES = 100_000;
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
    const seen = new Set<string>();
    for (let page: string | undefined = path; page !== undefined; ) {
      const request = {
        what: `Could not list the tags of ${repository}`,
        method: 'GET',
        path: page,
        onTurn,
      } as const;
      if (seen.has(page) || seen.size >= MOST_PAGES)
        throw this.#client.unexpected(request, { reason: 'its pages have no end' });
      seen.add(page);
      const answer = await this.#client.send(request);
      // Only of the first page: a list that was begun does not become one of nothing.
      if (page === path && readMissing(answer, UNKNOWN) !== undefined) return { state: 'missing' };
      for (const tag of this.#tagsOf(request, answer)) tags.add(tag);
      page = this.#next(request, answer);
    }
    return { state: 'listed', tags: [...tags] };
  }

  #tagsOf(request: RegistryRequest, answer: HttpAnswer): readonly Tag[] {
    if (answer.status !== 200) throw this.#client.refusal(request, answer);
    const tags = readTags(answer.body.toString('utf8'));
    if (tags === undefined)
      throw this.#client.unexpected(request, { reason: 'the answer is not a list of tags' });
    return tags;
  }

  #next(request: RegistryRequest, { headers }: HttpAnswer): string | undefined {
    try {
      return nextPage(headers.link, request.path);
    } catch (error) {
      throw this.#client.unexpected(request, { reason: (error as Error).message });
    }
  }
}

/** `{"name": …, "tags": […]}`; an emptied repository has `null`. */
function readTags(text: string): readonly Tag[] | undefined {
  try {
    const { tags } = JSON.parse(text) as { tags?: unknown };
    if (tags === null) return [];
    if (!Array.isArray(tags)) return undefined;
    const parsed = tags.map((tag: unknown) => (typeof tag === 'string' ? parseTag(tag) : undefined));
    return parsed.every((tag) => tag !== undefined) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
