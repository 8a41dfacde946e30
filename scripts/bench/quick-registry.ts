/**
 * A registry in memory that answers at once: for what the program itself takes, where a real one would be at work for a
 * quarter of an hour. One repository, no authentication; deletes by digest only, as Docker Distribution 2 does.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface QuickRegistry {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** The tags that it has. */
  readonly tags: readonly string[];
  close(): Promise<void>;
}

/** Starts it on a free port, with an image of its own under each of the tags. */
export async function startQuickRegistry(repository: string, tags: Iterable<string>): Promise<QuickRegistry> {
  const content = new Content();
  for (const tag of tags) content.put(tag, { mediaType: IMAGE, bytes: imageOf(tag) });
  const server = createServer(async (message, response) => {
    const answer = answerTo(content, repository, { message, body: await buffer(message) });
    send(response, { ...answer, withBody: message.method !== 'HEAD' });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get tags() {
      return content.tags;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

function answerTo(
  content: Content,
  repository: string,
  { message, body }: { message: IncomingMessage; body: Buffer },
): Answer {
  const { method = '', url = '', headers } = message;
  if (url === '/v2/') return { status: 200, body: '{}' };
  const [, name, kind, reference = ''] = /^\/v2\/(.+)\/(tags|manifests)\/([^/?]+)$/.exec(url) ?? [];
  if (kind === 'tags' && name === repository)
    return { status: 200, body: JSON.stringify({ name, tags: content.tags }) };
  if (kind === 'tags') return refusal(404, 'NAME_UNKNOWN');
  if (method === 'PUT') {
    const digest = content.put(reference, { mediaType: headers['content-type'] ?? '', bytes: body });
    return { status: 201, headers: { 'docker-content-digest': digest } };
  }
  if (method === 'DELETE' && !reference.startsWith('sha256:')) return refusal(400, 'DIGEST_INVALID');
  const manifest = name === repository ? content.find(reference) : undefined;
  if (manifest === undefined) return refusal(404, 'MANIFEST_UNKNOWN');
  const { digest, mediaType, bytes } = manifest;
  if (method !== 'DELETE')
    return {
      status: 200,
      headers: { 'docker-content-digest': digest, 'content-type': mediaType },
      body: bytes,
    };
  content.delete(digest);
  return { status: 202 };
}

function refusal(status: number, code: string): Answer {
  return { status, body: JSON.stringify({ errors: [{ code, message: code, detail: null }] }) };
}

function send(
  response: ServerResponse,
  { status, headers, body = '', withBody }: Answer & { readonly withBody: boolean },
): void {
  response.writeHead(status, {
    ...{ 'docker-distribution-api-version': 'registry/2.0', 'content-type': 'application/json' },
    ...{ ...headers, 'content-length': Buffer.byteLength(body) },
  });
  response.end(withBody ? body : undefined);
}

const IMAGE = 'application/vnd.docker.distribution.manifest.v2+json';

function imageOf(tag: string): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, layers: [], tag }));
}

interface Manifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** Manifests by their digests, and the tags that stand for them. */
class Content {
  readonly #manifests = new Map<string, Manifest>();
  readonly #digests = new Map<string, string>();
  readonly #tagsOn = new Map<string, Set<string>>();

  get tags(): readonly string[] {
    return [...this.#digests.keys()];
  }

  /** Returns the digest. */
  put(tag: string, manifest: Manifest): string {
    const digest = `sha256:${createHash('sha256').update(manifest.bytes).digest('hex')}`;
    this.#tagsOn.get(this.#digests.get(tag) ?? '')?.delete(tag);
    this.#manifests.set(digest, manifest);
    this.#digests.set(tag, digest);
    this.#tagsOn.set(digest, (this.#tagsOn.get(digest) ?? new Set()).add(tag));
    return digest;
  }

  find(reference: string): (Manifest & { readonly digest: string }) | undefined {
    const digest = this.#digests.get(reference) ?? reference;
    const manifest = this.#manifests.get(digest);
    return manifest && { ...manifest, digest };
  }

  /** Takes every tag on it away as well. */
  delete(digest: string): void {
    for (const tag of this.#tagsOn.get(digest) ?? []) this.#digests.delete(tag);
    this.#tagsOn.delete(digest);
    this.#manifests.delete(digest);
  }
}
