/**
 * What version 3 of Docker Distribution does differently, put in front of a registry of version 2: tags in pages, and
 * DELETE by tag (registry/handlers/tags.go and manifests.go of its sources). Everything else passes.
 */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { pageOf, readPageRequest } from './tag-pages.ts';

interface Distribution3Options {
  /**
   * Default: 3.1.1. Version 3.1.0 refuses pages of more than 1000 tags instead of making them smaller, and deletes tags
   * even while deletion is disabled (CVE-2026-41888), as all versions 3 before 3.1.1 do.
   */
  readonly version?: '3.1.0' | '3.1.1';
  /** The most tags of a page (configuration `tags.maxtags`). Default: 1000. */
  readonly maxTags?: number;
}

/** The registry of version 2 behind it. */
interface Upstream {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Takes a tag away behind the registry's back; `false` when there is none. */
  untag(repository: string, tag: string): Promise<boolean>;
}

interface Distribution3 extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  [Symbol.asyncDispose](): Promise<void>;
}

const IMPOSSIBLE_DIGEST = `sha256:${'0'.repeat(64)}`;

/** Starts it on a free port of 127.0.0.1. The registry behind it may be stopped and started again. */
export async function startDistribution3(
  upstream: Upstream,
  options: Distribution3Options = {},
): Promise<Distribution3> {
  const imitation = new Imitation(upstream, options);
  const server = createServer((incoming, response) => {
    // One of the two sides has gone: so does the other.
    imitation.answer(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      imitation.close();
      await closed;
    },
  };
}

class Imitation {
  readonly #upstream: Upstream;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #maxTags: number;
  readonly #clampsPages: boolean;
  readonly #checksDeletionOfTags: boolean;

  constructor(upstream: Upstream, { version = '3.1.1', maxTags = 1000 }: Distribution3Options) {
    this.#upstream = upstream;
    this.#maxTags = maxTags;
    this.#clampsPages = version === '3.1.1';
    this.#checksDeletionOfTags = version === '3.1.1';
  }

  async answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = incoming;
    const [path = '', query = ''] = url.split('?', 2);
    const listed = /^\/v2\/(.+)\/tags\/list$/.exec(path)?.[1];
    if (listed !== undefined && method === 'GET') {
      const answer = await this.#forward(incoming, response, path);
      return this.#listTags(answer, response, { repository: listed, path, query });
    }
    const [, repository, tag] = /^\/v2\/(.+)\/manifests\/(\w[\w.-]{0,127})$/.exec(path) ?? [];
    if (repository !== undefined && tag !== undefined && method === 'DELETE') {
      // What the registry says to this tells whether it lets this client delete anything.
      const probePath = `/v2/${repository}/manifests/${IMPOSSIBLE_DIGEST}`;
      const probe = await this.#forward(incoming, response, probePath);
      return this.#deleteTag(probe, response, { repository, tag });
    }
    await relay(await this.#forward(incoming, response, url), response);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #listTags(
    answer: IncomingMessage,
    response: ServerResponse,
    { repository, path, query }: { repository: string; path: string; query: string },
  ): Promise<void> {
    if (answer.statusCode !== 200 && answer.statusCode !== 404) return relay(answer, response);
    const page = readPageRequest(query, { maxTags: this.#maxTags, clamps: this.#clampsPages });
    if ('invalid' in page) {
      answer.resume();
      const error = { code: 'PAGINATION_NUMBER_INVALID', message: 'invalid number of results requested' };
      return send(response, 400, { errors: [{ ...error, detail: { n: page.invalid } }] });
    }
    // The storage is not even asked for no tags.
    if (answer.statusCode === 404 && page.most !== 0) return relay(answer, response);
    const { tags } = (await json(answer)) as { tags?: string[] | null };
    const { tags: shown, next } = pageOf(tags ?? [], page);
    if (next !== undefined) response.setHeader('link', `<${path}?${next}>; rel="next"`);
    send(response, 200, { name: repository, tags: shown });
  }

  async #deleteTag(
    probe: IncomingMessage,
    response: ServerResponse,
    { repository, tag }: { repository: string; tag: string },
  ): Promise<void> {
    const isDisabled = probe.statusCode === 405;
    const isAllowed = probe.statusCode === 404 || (isDisabled && !this.#checksDeletionOfTags);
    if (!isAllowed) return relay(probe, response);
    probe.resume();
    if (await this.#upstream.untag(repository, tag)) {
      response.writeHead(202, { 'docker-distribution-api-version': 'registry/2.0' }).end();
      return;
    }
    const path = `/docker/registry/v2/repositories/${repository}/_manifests/tags/${tag}`;
    const detail = { Path: path, DriverName: 'filesystem' };
    send(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown', detail }] });
  }

  /** Sends a request on, with its headers and body, to `path`. */
  #forward(incoming: IncomingMessage, response: ServerResponse, path: string): Promise<IncomingMessage> {
    const [hostname, port] = this.#upstream.host.split(':');
    const { method, headers } = incoming;
    return new Promise((resolve, reject) => {
      const onward = request({ agent: this.#agent, hostname, port, method, path, headers }, resolve);
      onward.on('error', reject);
      response.once('close', () => {
        if (!response.writableFinished) onward.destroy();
      });
      incoming.pipe(onward);
    });
  }
}

async function relay(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
  await pipeline(answer, response);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'docker-distribution-api-version': 'registry/2.0',
  });
  response.end(text);
}
