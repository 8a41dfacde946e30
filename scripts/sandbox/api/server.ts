import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Cluster } from '../cluster/cluster.ts';
import { remove } from './delete.ts';
import { discover } from './discovery.ts';
import type { ExecServer } from './exec.ts';
import type { Handshake } from './handshake.ts';
import type { PortForwardServer } from './port-forward.ts';
import { get, list, watch } from './read.ts';
import type { ApiAnswer, ApiRequest } from './request.ts';
import { parsePath, type Target, type Verb } from './resources.ts';
import {
  ApiError,
  internalError,
  KubeletRefusal,
  methodNotAllowed,
  noSuchPath,
  unauthorized,
} from './status.ts';
import { create, patch, update } from './write.ts';

/** What the server is made of. */
export interface ApiServerParts {
  readonly cluster: Cluster;
  /** What is spoken over WebSockets, by the subresource of a pod. */
  readonly streams: { readonly exec: ExecServer; readonly portforward: PortForwardServer };
  readonly token: string;
  readonly tls: { readonly key: string; readonly cert: string };
  /** Answers `/sandbox/…`, which no real server has. */
  readonly control: (message: IncomingMessage) => Promise<ApiAnswer>;
}

const handlers = { get, list, create, update, patch, delete: remove } as const;

/** The Kubernetes API over HTTPS on 127.0.0.1. */
export class ApiServer {
  readonly #parts: ApiServerParts;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  constructor(parts: ApiServerParts) {
    this.#parts = parts;
    this.#server = createServer({ ...parts.tls, minVersion: 'TLSv1.2' }, (message, response) => {
      void this.#respond(message, response);
    });
    this.#server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade({ message, socket, head });
    });
    this.#server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
  }

  /** Starts to listen on a free port and returns it. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #respond(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await this.#answer(message, response);
      if (answer !== undefined) send(response, answer);
    } catch (error) {
      const refusal = asApiError(error);
      message.resume();
      send(response, { code: refusal.code, body: refusal.status });
    }
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<ApiAnswer | undefined> {
    const url = new URL(message.url ?? '/', 'https://sandbox');
    const method = message.method ?? '';
    this.#authenticate(message);
    if (url.pathname.startsWith('/sandbox/')) return this.#parts.control(message);
    const { cluster } = this.#parts;
    await cluster.apiFaults.assertFairWeather(method, url.pathname);
    const discovered = method === 'GET' ? discover(url.pathname) : undefined;
    if (discovered !== undefined) return { code: 200, body: discovered };
    const target = this.#target(url, method);
    const verb = this.#verb(target, method, url);
    cluster.access.assertAllowed(attempt(target, verb));
    const request: ApiRequest = { target, verb, query: url.searchParams, message };
    if (verb === 'watch') {
      watch(cluster, request, response);
      return undefined;
    }
    return handlers[verb](cluster, request);
  }

  async #upgrade(handshake: Handshake): Promise<void> {
    const { message, socket } = handshake;
    try {
      const url = new URL(message.url ?? '/', 'https://sandbox');
      this.#authenticate(message);
      const { cluster, streams } = this.#parts;
      await cluster.apiFaults.assertFairWeather(message.method ?? '', url.pathname);
      const target = this.#target(url, message.method ?? '');
      const stream = Object.entries(streams).find(([subresource]) => subresource === target.subresource)?.[1];
      if (stream === undefined) throw this.#unknown(message.method ?? '', url, noSuchPath());
      // A WebSocket begins with a GET, yet runs something: real servers ask for both verbs.
      for (const verb of ['get', 'create']) cluster.access.assertAllowed(attempt(target, verb));
      await stream.upgrade(target, url.searchParams, handshake);
    } catch (error) {
      refuse(socket, asApiError(error));
    }
  }

  #authenticate({ headers }: IncomingMessage): void {
    const digest = (text: string) => createHash('sha256').update(text).digest();
    const expected = digest(`Bearer ${this.#parts.token}`);
    if (!timingSafeEqual(digest(headers.authorization ?? ''), expected)) throw unauthorized();
  }

  #target(url: URL, method: string): Target {
    const target = /^\/apis?\//.test(url.pathname) ? parsePath(url.pathname) : undefined;
    if (target === undefined) throw this.#unknown(method, url, noSuchPath());
    return target;
  }

  #verb(target: Target, method: string, url: URL): Verb {
    const verb = verbOf(target, method, url.searchParams);
    const inSubresource = target.subresource !== '' && !(target.subresource === 'status' && verb === 'get');
    if (verb === undefined || inSubresource || !target.resource.verbs.includes(verb)) {
      throw this.#unknown(method, url, methodNotAllowed());
    }
    return verb;
  }

  /** Remembers a call that the sandbox does not know, so that tests can insist on there being none. */
  #unknown(method: string, { pathname }: URL, refusal: ApiError): ApiError {
    this.#parts.cluster.unknownCalls.push(`${method} ${pathname}`);
    return refusal;
  }
}

function verbOf({ name }: Target, method: string, query: URLSearchParams): Verb | undefined {
  const watches = ['true', '1'].includes(query.get('watch') ?? '');
  if (method === 'GET') return watches ? 'watch' : name === '' ? 'list' : 'get';
  if (name === '') return method === 'POST' ? 'create' : undefined;
  return ({ PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const)[method];
}

function attempt({ resource, namespace, name, subresource }: Target, verb: string) {
  return { verb, group: resource.group, resource: resource.plural, subresource, namespace, name };
}

function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : internalError(String((error as Error).stack ?? error));
}

function send(response: ServerResponse, { code, body, warnings = [] }: ApiAnswer): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const warning of warnings) response.appendHeader('warning', `299 - ${JSON.stringify(warning)}`);
  for (const [name, value] of Object.entries(retryAfter(body))) response.setHeader(name, value);
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function retryAfter(body: object): Record<string, string> {
  const seconds = (body as { details?: { retryAfterSeconds?: number } }).details?.retryAfterSeconds;
  return seconds === undefined ? {} : { 'retry-after': String(seconds) };
}

/** Refuses a handshake, for which there is no response object yet. */
function refuse(socket: Duplex, error: ApiError): void {
  const isPlain = error instanceof KubeletRefusal;
  const body = isPlain ? error.message : JSON.stringify(error.status);
  const headers = [
    `content-type: ${isPlain ? 'text/plain; charset=utf-8' : 'application/json'}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`HTTP/1.1 ${error.code} ${error.reason}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
}
