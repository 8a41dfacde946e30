/** An HTTPS server on loopback that answers like an API server, from one function, and remembers what it was asked. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { generate } from 'selfsigned';
import { type WebSocket, WebSocketServer } from 'ws';

interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** `hang`: never answers. `cut`: closes the connection without an answer. */
export type StubAnswer =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body: unknown }
  | 'hang'
  | 'cut';

export interface StubBehaviour {
  answer(request: StubRequest): StubAnswer;
  /** Takes over an exec's (or a port-forward's) socket; without it every upgrade is answered like a request. */
  exec?(socket: WebSocket, query: URLSearchParams): void;
  /** Default: v5 and v4. */
  readonly protocols?: readonly string[];
  /** Default: yes. */
  readonly answersPings?: boolean;
  /** How long a handshake takes. Default: no time. */
  readonly handshakeDelayMs?: number;
}

export interface ApiStub extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly StubRequest[];
  /** Path of a kubeconfig whose user has the token `stub-token`. */
  readonly kubeconfig: string;
  /** Writes another kubeconfig into the stub's folder. */
  writeConfig(name: string, changes: { cluster?: object; user?: object }): Promise<string>;
}

const TOKEN = 'stub-token';

// One for all stubs of a process: making a key takes a while.
const certificate = generate([{ name: 'commonName', value: 'stub' }], {
  keyType: 'ec',
  extensions: [
    { name: 'basicConstraints', cA: true },
    { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
  ],
});

export async function startApiStub(behaviour: StubBehaviour): Promise<ApiStub> {
  const { private: key, cert } = await certificate;
  const folder = await mkdtemp(join(tmpdir(), 'api-stub-'));
  const requests: StubRequest[] = [];
  const sockets = new Set<Duplex>();

  const receive = async (incoming: IncomingMessage): Promise<StubAnswer> => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'https://stub');
    const body = await text(incoming);
    const request = {
      method: incoming.method ?? '',
      path: pathname,
      query: searchParams,
      headers: incoming.headers,
      body: body === '' ? undefined : JSON.parse(body),
    };
    requests.push(request);
    return behaviour.answer(request);
  };
  const server = createServer({ key, cert }, async (incoming, response) => {
    reply(response, await receive(incoming), incoming.socket);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  acceptExecs(server, behaviour, receive);
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}`;

  const writeConfig: ApiStub['writeConfig'] = async (name, changes) => {
    const cluster = { server: url, 'certificate-authority-data': btoa(cert), ...changes.cluster };
    const path = join(folder, name);
    await writeFile(path, JSON.stringify(kubeconfig(cluster, changes.user ?? { token: TOKEN })), {
      mode: 0o600,
    });
    return path;
  };
  return {
    url,
    port,
    requests,
    kubeconfig: await writeConfig('config', {}),
    writeConfig,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

/** A Status object (Kubernetes API conventions), as an answer. */
export function statusAnswer(status: number, reason: string, message: string, headers = {}): StubAnswer {
  return { status, headers, body: { kind: 'Status', status: 'Failure', code: status, reason, message } };
}

function kubeconfig(cluster: object, user: object) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'stub',
    clusters: [{ name: 'stub-cluster', cluster }],
    users: [{ name: 'stub-user', user }],
    contexts: [{ name: 'stub', context: { cluster: 'stub-cluster', user: 'stub-user' } }],
  };
}

function reply(response: ServerResponse, answer: StubAnswer, socket: Duplex): void {
  if (answer === 'hang') return;
  if (answer === 'cut') {
    socket.destroy();
    return;
  }
  response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
  response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
}

function acceptExecs(
  server: ReturnType<typeof createServer>,
  behaviour: StubBehaviour,
  receive: (incoming: IncomingMessage) => Promise<StubAnswer>,
): void {
  const { exec, handshakeDelayMs = 0, protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] } = behaviour;
  const webSockets = new WebSocketServer({
    noServer: true,
    autoPong: behaviour.answersPings ?? true,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  server.on('upgrade', async (incoming, socket, head) => {
    if (exec) {
      if (handshakeDelayMs > 0) await setTimeout(handshakeDelayMs);
      const { searchParams } = new URL(incoming.url ?? '/', 'https://stub');
      webSockets.handleUpgrade(incoming, socket, head, (webSocket) => exec(webSocket, searchParams));
      return;
    }
    const answer = await receive(incoming);
    if (typeof answer === 'string') {
      if (answer === 'cut') socket.destroy();
      return;
    }
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    const headers = Object.entries({ ...answer.headers, 'content-length': body.length });
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.end(`HTTP/1.1 ${answer.status ?? 200} Refused\r\n${lines}\r\n${body}`);
  });
}
