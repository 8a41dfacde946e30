import type { RegistryClient, RegistryRequest } from './client.ts';
import type { HttpAnswer } from './exchange.ts';
import { nextPage } from './next-page.ts';

/** A list that has more pages has no end. */
const MOST_PAGES = 100_000;

/** One page of a list, and how it was asked for. */
interface Page {
  readonly answer: HttpAnswer;
  readonly request: RegistryRequest;
}

/** The pages of a list, whatever their status; what announces another page leads on to it. */
export async function* readPages(client: RegistryClient, first: RegistryRequest): AsyncGenerator<Page, void> {
  const seen = new Set<string>();
  for (let path: string | undefined = first.path; path !== undefined; ) {
    const request = { ...first, path };
    if (seen.has(path) || seen.size >= MOST_PAGES)
      throw client.unexpected(request, { reason: 'its pages have no end' });
    seen.add(path);
    const answer = await client.send(request);
    yield { answer, request };
    path = next(client, { request, answer });
  }
}

function next(client: RegistryClient, { request, answer }: Page): string | undefined {
  try {
    return nextPage(answer.headers.link, request.path);
  } catch (error) {
    throw client.unexpected(request, { reason: (error as Error).message });
  }
}
