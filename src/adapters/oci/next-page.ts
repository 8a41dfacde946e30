/**
 * The path and query of the next page, from the header `Link` (RFC 8288; OCI Distribution Specification, "Listing
 * Tags"). `undefined` when there is none. Of an absolute link the host is left out: a registry behind a gateway names
 * one of its own, and credentials go to no other.
 *
 * @throws Error when the link does not lead to a page of the same list
 */
export function nextPage(link: string | undefined, current: string): string | undefined {
  if (link === undefined) return undefined;
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link)?.[1];
  if (target === undefined) return undefined;
  const base = new URL(current, 'http://registry');
  const next = URL.parse(target, base.href);
  if (next === null || next.pathname !== base.pathname)
    throw new Error('its next page is not one of this list');
  return next.pathname + next.search;
}
