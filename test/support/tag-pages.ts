/** How Docker Distribution 3 cuts a list of tags into pages (registry/handlers/tags.go, registry/storage/tagstore.go). */

/** A page that was asked for. */
interface PageRequest {
  /** The most tags in it; `undefined` when all were asked for. */
  readonly most: number | undefined;
  /** Only tags behind this one. */
  readonly last: string;
}

/**
 * Reads a query. Without `n` all tags are asked for. `maxTags` is the most that a page may have: who wants more gets
 * that many where the server `clamps`, else a refusal.
 */
export function readPageRequest(
  query: string,
  { maxTags, clamps }: { readonly maxTags: number; readonly clamps: boolean },
): PageRequest | { readonly invalid: number } {
  const parameters = new URLSearchParams(query);
  const last = parameters.get('last') ?? '';
  const text = parameters.get('n') ?? '';
  if (text === '') return { most: undefined, last };
  const asked = /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
  if (asked === undefined || asked < 0 || (asked > maxTags && !clamps)) return { invalid: asked ?? 0 };
  return { most: Math.min(asked, maxTags), last };
}

/**
 * The tags of a page, in lexical order, and where the next one begins. A full page always announces another, which may
 * be empty. No tags are `null`, but in a page that may have none they are an empty list.
 */
export function pageOf(
  tags: readonly string[],
  { most, last }: PageRequest,
): { readonly tags: readonly string[] | null; readonly next: string | undefined } {
  if (most === 0) return { tags: [], next: undefined };
  const found = tags.filter((tag) => tag > last).sort();
  const page = found.slice(0, most);
  const isFull = page.length === most;
  return {
    tags: page.length === 0 ? null : page,
    next: isFull ? new URLSearchParams({ last: page.at(-1) ?? '', n: String(most) }).toString() : undefined,
  };
}
