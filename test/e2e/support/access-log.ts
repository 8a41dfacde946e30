/** The registry's access log: what was really asked of it. */
import { readFile } from 'node:fs/promises';

/** A request that changes what a repository holds. */
export interface Change {
  readonly method: 'PUT' | 'DELETE';
  /** `repository@digest`, or `repository:tag`. */
  readonly target: string;
  readonly status: number;
  /** The second in which it was answered. */
  readonly second: string;
}

const REQUEST =
  /\[(?<second>[^\]]+)\] "(?<method>PUT|DELETE) \/v2\/(?<repository>\S+)\/manifests\/(?<reference>\S+) [^"]*" (?<status>\d{3}) \d+ "[^"]*" "(?<agent>[^"]*)"/g;
/** What Node's `fetch` calls itself: the tests' own requests. */
const TESTS = /^node/;
/** Where the program asks for what cannot be, to find out what the registry does. */
const PROBED = /^registry-cleaner\/probe[@:]/;

/** Every PUT and DELETE of a manifest that came from the program, in their order, but for its probes. */
export async function changes(log: string): Promise<readonly Change[]> {
  const requests = (await readFile(log, 'utf8')).matchAll(REQUEST);
  return [...requests]
    .map(({ groups = {} }) => groups)
    .filter(({ agent = '' }) => !TESTS.test(agent))
    .map(({ method, repository, reference = '', status, second = '' }) => ({
      method: method as Change['method'],
      target: `${repository}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`,
      status: Number(status),
      second,
    }))
    .filter(({ target }) => !PROBED.test(target));
}

/** Every DELETE by digest. */
export async function deletions(log: string): Promise<readonly Change[]> {
  return (await changes(log)).filter(({ method, target }) => method === 'DELETE' && target.includes('@'));
}

/** How many of them had been asked for before. */
export function repeated(all: readonly Change[]): number {
  return all.length - new Set(all.map(({ method, target }) => `${method} ${target}`)).size;
}
