/**
 * A server that answers by a script, for what no real registry does on request: refusals, cut connections, silence,
 * wrong bytes, redirects to anywhere. It remembers what it was asked; a request that the script does not know, and an
 * answer that was never asked for, fail the test when the server is disposed of.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { type CertificateKind, certificateFor } from './certificates.ts';
import { Script, type ScriptedAnswer, type ScriptLine } from './script.ts';

interface ReceivedRequest {
  readonly method: string;
  /** With the query, as it was sent. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether a header `Authorization` came with it. */
  readonly authorized: boolean;
  /** Which connection it came on, from 0. */
  readonly connection: number;
  /** How many requests were unanswered when this one had come, itself included. */
  readonly concurrent: number;
}

export interface ScriptedRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** `http://…` or `https://…`, without a slash at the end. */
  readonly url: string;
  /** The authority of its certificate, PEM; `undefined` without TLS. */
  readonly ca: string | undefined;
  /** In the order in which they came. */
  readonly requests: readonly ReceivedRequest[];
  /** `GET /v2/` and so on, in the order in which they came. */
  readonly asked: readonly string[];
  /** Settles when that many requests have come. */
  received(count: number): Promise<void>;
  /** Ends every connection at once, as a load balancer does with idle ones. */
  dropConnections(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the server on a free port of 127.0.0.1. Disposing of it rejects when a request came that the script does not
 * know (it was answered with 501), or when an answer of a list `answers` is left.
 */
export async function startScriptedRegistry(
  lines: readonly ScriptLine[],
  { tls }: { readonly tls?: CertificateKind } = {},
): Promise<ScriptedRegistry> {
  const certificate = tls && (await certificateFor(tls));
  const script = new Script(lines);
  const requests: ReceivedRequest[] = [];
  const sockets = new Map<Socket, number>();
  let connections = 0;
  let unanswered = 0;
  let arrived = Promise.withResolvers<void>();

  const receive = async (incoming: IncomingMessage): Promise<ReceivedRequest> => {
    unanswered += 1;
    const concurrent = unanswered;
    const { method = '', url: path = '', headers } = incoming;
    const request = {
      ...{ method, path, headers, concurrent, body: await text(incoming) },
      authorized: headers.authorization !== undefined,
      connection: sockets.get(incoming.socket) ?? -1,
    };
    requests.push(request);
    arrived.resolve();
    arrived = Promise.withResolvers();
    return request;
  };
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.once('close', () => {
      unanswered -= 1;
    });
    try {
      const request = await receive(incoming);
      await reply(response, script.answer(request));
    } catch {
      // The client has gone in the middle of its request, or while it waited.
      incoming.socket.destroy();
    }
  };
  const server = certificate ? createTlsServer(certificate, handle) : createServer(handle);
  server.on(certificate ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.set(socket, connections);
    connections += 1;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ host, url: `${certificate ? 'https' : 'http'}://${host}`, ca: certificate?.ca, requests },
    get asked() {
      return requests.map(({ method, path }) => `${method} ${path}`);
    },
    async received(count) {
      while (requests.length < count) await arrived.promise;
    },
    dropConnections() {
      for (const socket of sockets.keys()) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      script.verify();
    },
  };
}

async function reply(response: ServerResponse, answer: ScriptedAnswer): Promise<void> {
  if (answer === 'hang') return;
  if (answer === 'cut') {
    response.destroy();
    return;
  }
  if (answer.delayMs !== undefined) await delay(answer.delayMs, undefined, { ref: false });
  const body = bytesOf(answer.body);
  response.writeHead(answer.status ?? 200, { 'content-length': body.length, ...answer.headers });
  if (answer.cutAfterBytes === undefined) {
    response.end(response.req.method === 'HEAD' ? undefined : body);
    return;
  }
  response.flushHeaders();
  // Once it has been handed over; what is still on its way would go with the connection.
  response.write(body.subarray(0, answer.cutAfterBytes), () => response.socket?.destroySoon());
}

function bytesOf(body: Exclude<ScriptedAnswer, string>['body'] = ''): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
