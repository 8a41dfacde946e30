/** WebSockets to the API server, over which the streams of a pod go (Kubernetes API, `pods/exec`, `pods/portforward`). */
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { Readable } from 'node:stream';
import { WebSocket } from 'ws';
import { noAnswer, type Place, refusal } from './api-error.ts';
import { readBody } from './http.ts';
import { timeoutError } from './network-error.ts';
import type { Target } from './target.ts';

/** A refused handshake is answered with a Status object. */
const MAX_STATUS_BYTES = 64 * 1024;
/** How long a closing socket waits for the other side's good-bye. */
const CLOSE_TIMEOUT_MS = 1000;
const OUTPUT_BUFFER_BYTES = 1024 * 1024;
const INPUT_MESSAGE_BYTES = 32 * 1024;

export interface SocketOptions {
  /** Subprotocols, the best first. */
  readonly protocols: string[];
  readonly connection: RequestOptions;
}

/** Begins to connect. Listeners for messages belong on the socket before anything is waited for. */
export function createSocket(url: URL, { protocols, connection }: SocketOptions): WebSocket {
  const address = new URL(url);
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  // The handshake has a time limit of its own, in `opened`.
  const { timeout: _, ...rest } = connection;
  const options = { ...rest, perMessageDeflate: false, closeTimeout: CLOSE_TIMEOUT_MS };
  return new WebSocket(address, protocols, options);
}

export interface HandshakeOptions {
  readonly target: Target;
  readonly place: Place;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Resolves when the socket is open. Rejects with an `ApiError`, or with the signal's reason; then it is closed. */
export async function opened(socket: WebSocket, options: HandshakeOptions): Promise<void> {
  const { target, place, timeoutMs, signal } = options;
  const handshake = Promise.withResolvers<void>();
  const abort = () => handshake.reject(signal.reason);
  const timer = setTimeout(
    () => handshake.reject(noAnswer(target, timeoutError(timeoutMs), place)),
    timeoutMs,
  );
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();

  socket.once('open', () => handshake.resolve());
  socket.once('error', (error) => handshake.reject(noAnswer(target, error, place)));
  socket.once('unexpected-response', (_request, response: IncomingMessage) => {
    const status = response.statusCode ?? 0;
    const contentType = response.headers['content-type'] ?? '';
    readBody(response, MAX_STATUS_BYTES)
      .catch(() => '')
      .then((body) => handshake.reject(refusal(target, { status, body, contentType }, place)));
  });
  try {
    await handshake.promise;
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

/** What is read from a socket. Reading takes up its flow again; giving up reading lets the rest flow by. */
export function outputOf(socket: WebSocket): Readable {
  return new Readable({
    highWaterMark: OUTPUT_BUFFER_BYTES,
    read: () => socket.resume(),
    destroy(error, callback) {
      socket.resume();
      callback(error);
    },
  });
}

/**
 * Sends data on a channel, in messages that a server takes. Resolves when the last one has left this process; `false`
 * when that could not be.
 */
export async function sendOn(channel: number, { socket, data }: { socket: WebSocket; data: Uint8Array }) {
  for (let at = 0; at < data.length; at += INPUT_MESSAGE_BYTES) {
    const message = Buffer.concat([Buffer.of(channel), data.subarray(at, at + INPUT_MESSAGE_BYTES)]);
    if (!(await sent(socket, message))) return false;
  }
  return true;
}

function sent(socket: WebSocket, message: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    socket.send(message, (error) => resolve(!error));
  });
}
