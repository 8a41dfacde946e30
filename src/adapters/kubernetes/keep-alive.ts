/** Notices a connection that has died without a word (a laptop's network, a firewall that forgot it). */
import type { WebSocket } from 'ws';

/** How it is found out that a connection has died. */
export interface Watch {
  readonly pingIntervalMs: number;
  /** The connection counts as broken when nothing came for so long. */
  readonly silenceLimitMs: number;
}

/** Pings the other side until the returned function is called. */
export function keepAlive(
  socket: WebSocket,
  options: Watch & { readonly onSilence: () => void },
): () => void {
  const { pingIntervalMs, silenceLimitMs, onSilence } = options;
  // Pings are counted, not time: while this program stands still (a laptop that sleeps) nobody is asked anything.
  let unanswered = 0;
  const heard = () => {
    unanswered = 0;
  };
  for (const event of ['open', 'message', 'ping', 'pong']) socket.on(event, heard);
  const timer = setInterval(() => {
    // While we hold back what comes, its silence is our own doing; and the handshake has a time limit of its own.
    if (socket.isPaused || socket.readyState === socket.CONNECTING) heard();
    if ((unanswered + 1) * pingIntervalMs >= silenceLimitMs) onSilence();
    else if (socket.readyState === socket.OPEN) socket.ping();
    unanswered += 1;
  }, pingIntervalMs);
  return () => clearInterval(timer);
}
