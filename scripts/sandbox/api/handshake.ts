import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';

/** The parts of an HTTP request that asks to become a WebSocket. */
export interface Handshake {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** The subprotocols that the client offers. */
export function offeredProtocols({ message }: Handshake): string[] {
  const offered = message.headers['sec-websocket-protocol'] ?? '';
  return offered
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
}

/** Completes the handshake. */
export function accept(server: WebSocketServer, { message, socket, head }: Handshake): Promise<WebSocket> {
  return new Promise((resolve) => server.handleUpgrade(message, socket, head, resolve));
}
