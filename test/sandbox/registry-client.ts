import { type Agent, type IncomingMessage, request } from 'node:http';
import type { Sandbox } from '../../scripts/sandbox/index.ts';

const manifestTypes = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
];

/** An answer of the registry. */
export interface RegistryAnswer {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

type Registry = Pick<Sandbox, 'registry' | 'username' | 'password'>;

interface RegistryCall {
  readonly method?: string;
  /** `user:password`. */
  readonly auth?: string;
  /** Keeps connections open; without one, each call has its own. */
  readonly agent?: Agent;
  /** Gives the call up. */
  readonly signal?: AbortSignal;
}

/** Asks the registry over plain HTTP; rejects when the connection fails. */
export function askRegistry(
  { registry, username, password }: Registry,
  path: string,
  { method = 'GET', auth = `${username}:${password}`, agent, signal }: RegistryCall = {},
): Promise<RegistryAnswer> {
  return new Promise((resolve, reject) => {
    const options = {
      method,
      auth,
      headers: { accept: manifestTypes.join(', ') },
      agent: agent ?? false,
      signal,
    };
    const asked = request(`http://${registry}${path}`, options, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ code: response.statusCode ?? 0, headers: response.headers, text });
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** What deleting an impossible digest answers: 405 while deletion is disabled, 404 while it is enabled. */
export async function deletionStatus(registry: Registry): Promise<number> {
  const digest = `sha256:${'0'.repeat(64)}`;
  const { code } = await askRegistry(registry, `/v2/dominodatalab/environment/manifests/${digest}`, {
    method: 'DELETE',
  });
  return code;
}

/** Tags of a repository, sorted; undefined if there is no such repository. */
export async function tagsOf(registry: Registry, repository: string): Promise<string[] | undefined> {
  const { code, text } = await askRegistry(registry, `/v2/${repository}/tags/list`);
  if (code === 404) return undefined;
  return ((JSON.parse(text) as { tags: string[] | null }).tags ?? []).sort();
}

/** Digest and media type of a tag. */
export async function manifestOf(
  registry: Registry,
  { repository, tag }: { readonly repository: string; readonly tag: string },
): Promise<{ digest: string; mediaType: string; text: string }> {
  const { headers, text } = await askRegistry(registry, `/v2/${repository}/manifests/${tag}`);
  return { digest: String(headers['docker-content-digest']), mediaType: headers['content-type'] ?? '', text };
}
