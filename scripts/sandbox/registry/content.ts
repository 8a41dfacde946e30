/** What a registry holds, asked of it over HTTP by the OCI Distribution API. */

/** A repository's tags, each with the digest that it stands for. */
export interface RepositoryContent {
  readonly repository: string;
  readonly tags: readonly { readonly tag: string; readonly digest: string }[];
}

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** Every repository that has tags, in the order of the catalogue. */
export async function contentOfRegistry(registry: {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}): Promise<readonly RepositoryContent[]> {
  const credentials = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`http://${registry.registry}/v2/${path}`, {
      ...init,
      headers: { authorization: `Basic ${credentials}`, accept: MANIFEST_TYPES },
    });
  /** Follows the pages that a `Link` header announces (OCI Distribution Specification, "Listing Tags"). */
  const list = async (path: string, key: string): Promise<string[]> => {
    const answer = await ask(path);
    if (!answer.ok) throw new Error(`The registry answered ${answer.status} to GET ${path}.`);
    const body = (await answer.json()) as Record<string, string[] | null>;
    const next = /<\/v2\/([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    return [...(body[key] ?? []), ...(next === undefined ? [] : await list(next, key))];
  };

  const content: RepositoryContent[] = [];
  for (const repository of await list('_catalog?n=1000', 'repositories')) {
    const tags = await list(`${repository}/tags/list`, 'tags');
    const resolved = await Promise.all(
      tags.toSorted().map(async (tag) => {
        const { headers } = await ask(`${repository}/manifests/${tag}`, { method: 'HEAD' });
        return { tag, digest: headers.get('docker-content-digest') ?? '' };
      }),
    );
    if (resolved.length > 0) content.push({ repository, tags: resolved });
  }
  return content;
}
