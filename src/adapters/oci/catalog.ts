/**
 * The registry's catalogue (Docker Registry HTTP API V2, "Listing Repositories"; not part of the OCI specification).
 * Docker Distribution walks through its storage for each page, so the pages are as large as it gives them.
 */
import { parseObject, readNames } from '../../domain/json.ts';
import { parseRepository, type Repository } from '../../domain/names.ts';
import type { RegistryClient } from './client.ts';
import type { HttpAnswer } from './exchange.ts';
import { readOwnWords } from './http-error.ts';
import { readPages } from './pages.ts';

/** The most that Distribution 2.8.2 and later give by default (`catalog.maxentries`); by itself it gives 100. */
const PAGE = 1000;
const WHAT = 'Could not list the repositories';

/** Every repository. Distribution may name emptied ones. */
export async function readCatalog(client: RegistryClient): Promise<readonly Repository[]> {
  return (
    (await readInPages(client, `/v2/_catalog?n=${PAGE}`)) ?? (await readInPages(client, '/v2/_catalog')) ?? []
  );
}

/** `undefined` when the registry does not give pages of that size. */
async function readInPages(client: RegistryClient, path: string): Promise<readonly Repository[] | undefined> {
  const repositories = new Set<Repository>();
  for await (const { answer, request } of readPages(client, { what: WHAT, method: 'GET', path })) {
    if (isTooLarge(answer) && path.includes('?') && request.path === path) return undefined;
    if (answer.status !== 200) throw client.refusal(request, answer);
    // What has no repository's name could not be asked for anything.
    const listed = readNames(parseObject(answer.body.toString('utf8'))?.['repositories'], parseRepository);
    if (listed === undefined)
      throw client.unexpected(request, { reason: 'the answer is not a list of repositories' });
    for (const repository of listed) repositories.add(repository);
  }
  return [...repositories];
}

function isTooLarge(answer: HttpAnswer): boolean {
  return answer.status === 400 && readOwnWords(answer)?.code === 'PAGINATION_NUMBER_INVALID';
}
