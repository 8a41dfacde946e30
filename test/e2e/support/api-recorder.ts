/** Stands in front of the API server and writes down what its audit log would have: addresses and bodies of requests. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createIdentity } from '../../../scripts/sandbox/kubeconfig.ts';
import type { Site } from './site.ts';

export interface ApiRecorder extends AsyncDisposable {
  /** A kubeconfig that leads through the recorder. */
  readonly kubeconfig: string;
  /** One entry a request: method, decoded address and body. What passes over an exec's streams is in no audit log. */
  readonly requests: readonly string[];
}

/** Starts it on a free port of 127.0.0.1. */
export async function recordApi(site: Site): Promise<ApiRecorder> {
  const config = JSON.parse(readFileSync(site.sandbox.kubeconfig, 'utf8'));
  const { server: target, 'certificate-authority-data': ca } = config.clusters[0].cluster;
  const { tls } = await createIdentity();
  const requests: string[] = [];
  const open = new Set<Duplex>();

  const onward = (message: IncomingMessage, respond: (answer: IncomingMessage) => void) => {
    const { method, url, headers } = message;
    return request(
      `${target}${url}`,
      { method, headers, ca: Buffer.from(ca, 'base64'), agent: false },
      respond,
    );
  };
  const write = (message: IncomingMessage, body: string) =>
    requests.push(
      `${message.method} ${decodeURIComponent((message.url ?? '').replaceAll('+', ' '))} ${body}`,
    );

  const server = createServer(tls, (message: IncomingMessage, response: ServerResponse) => {
    void buffer(message).then((body) => {
      write(message, body.toString());
      const call = onward(message, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
      });
      call.on('error', () => response.destroy());
      call.end(body);
      response.on('close', () => call.destroy());
    });
  });
  server.on('upgrade', (message: IncomingMessage, socket: Duplex) => {
    write(message, '');
    const call = onward(message, (answer) => socket.end(`HTTP/1.1 ${answer.statusCode} Refused\r\n\r\n`));
    call.on('error', () => socket.destroy());
    call.on('upgrade', (answer: IncomingMessage, tunnel: Duplex) => {
      const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('\r\n')}\r\n\r\n`);
      socket.pipe(tunnel).pipe(socket);
      for (const [one, other] of [
        [socket, tunnel],
        [tunnel, socket],
      ] as const) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
    call.end();
  });
  server.on('secureConnection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const { port } = server.address() as AddressInfo;
  config.clusters[0].cluster.server = `https://127.0.0.1:${port}`;
  config.clusters[0].cluster['certificate-authority-data'] = Buffer.from(tls.cert).toString('base64');
  const kubeconfig = join(site.folder, 'kubeconfig-recorded');
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  return {
    kubeconfig,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
