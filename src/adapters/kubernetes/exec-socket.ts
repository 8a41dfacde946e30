/** Opens the WebSocket of an exec (Kubernetes API, `pods/exec`; protocols of `k8s.io/apimachinery/pkg/util/remotecommand`). */
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { WebSocket } from 'ws';
import { noAnswer, type Place, refusal } from './api-error.ts';
import { readBody } from './http.ts';
import { timeoutError } from './network-error.ts';
import type { Target } from './target.ts';

/** v5 differs in that it can end standard input, which is not needed here: both are as good. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** A refused handshake is answered with a Status object. */
const MAX_STATUS_BYTES = 64 * 1024;
/** How long a closing socket waits for the other side's good-bye. */
const CLOSE_TIMEOUT_MS = 1000;

/** Begins to connect. Listeners for messages belong on the socket before anything is waited for. */
export function createSocket(url: URL, connection: RequestOptions): WebSocket {
  const address = new URL(url);
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  // The handshake has a time limit of its own, in `opened`.
  const { timeout: _, ...rest } = connection;
  const options = { ...rest, perMessageDeflate: false, closeTimeout: CLOSE_TIMEOUT_MS };
  return new WebSocket(address, PROTOCOLS, options);
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
    readBody(response, MAX_STATUS_BYTES)
      .catch(() => '')
      .then((body) => handshake.reject(refusal(target, { status, body }, place)));
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
