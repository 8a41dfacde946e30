/**
 * One forwarded port as a stream of bytes over its WebSocket. The kubelet opens a channel for data and one for errors,
 * each with the port's number in two bytes (Kubernetes source, `pkg/kubelet/cri/streaming/portforward/websocket.go`),
 * and connects to the port only then: that nobody listens there comes as an error afterwards. Its good-bye means that
 * the registry has closed the connection.
 */
import type { RawData, WebSocket } from 'ws';
import { RegistryError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import type { ByteStream } from '../../ports.ts';
import { keepAlive, type Watch } from './keep-alive.ts';
import { outputOf, sendOn } from './web-socket.ts';

/** The first byte of a message. */
const DATA = 0;
const ERROR = 1;

const PORT_BYTES = 2;
const ERROR_KEPT_BYTES = 4096;
/** RFC 6455, "Status Codes": a normal closure. */
const GOOD_BYE = 1000;

export interface PortForwardSessionOptions extends Watch {
  readonly port: number;
  /** Pod and namespace, for messages. */
  readonly where: string;
  /** How long the channels may take to open. */
  readonly handshakeTimeoutMs: number;
  readonly signal: AbortSignal;
}

export interface PortForwardSession {
  readonly stream: ByteStream;
  /** Resolves when both channels are there. Rejects with a `RegistryError`, or with the signal's reason. */
  readonly stands: Promise<void>;
}

/** Takes over a socket that is still connecting. What comes is held back while nobody reads it. */
export function portForwardSession(
  socket: WebSocket,
  options: PortForwardSessionOptions,
): PortForwardSession {
  const { port, where, signal, handshakeTimeoutMs, silenceLimitMs } = options;
  const stands = Promise.withResolvers<void>();
  stands.promise.catch(() => {});
  const incoming = outputOf(socket);
  const withoutPort = portStripper(() => {
    clearTimeout(timer);
    stands.resolve();
  });
  let complaint = Buffer.alloc(0);
  let trouble = '';
  /** Why it ended; `undefined` as long as it goes on, and when the registry closed the connection. */
  let reason: unknown;

  const broken = () => {
    const words = plainText(complaint.toString('utf8'), 400) || plainText(trouble, 200);
    const why = words === '' ? '' : `: ${words}`;
    const message = `The connection to port ${port} of ${where} broke${why}`;
    return new RegistryError(message, { failure: 'temporary' });
  };
  function giveUp(why: string): void {
    trouble = why;
    socket.terminate();
  }
  const stopPinging = keepAlive(socket, {
    ...options,
    onSilence: () => giveUp(`nothing was heard for ${silenceLimitMs / 1000} s`),
  });
  let timer: NodeJS.Timeout | undefined;
  socket.once('open', () => {
    const late = () => giveUp(`it did not open within ${handshakeTimeoutMs / 1000} s`);
    timer = setTimeout(late, handshakeTimeoutMs);
  });

  function receive(message: Buffer): void {
    const channel = message[0] ?? -1;
    const data = withoutPort(channel, message.subarray(1));
    if (data.length === 0) return;
    if (channel === DATA && !incoming.destroyed && !incoming.push(data)) socket.pause();
    if (channel === ERROR) complaint = Buffer.concat([complaint, data]).subarray(0, ERROR_KEPT_BYTES);
  }

  function abort(): void {
    reason = signal.reason;
    socket.terminate();
  }

  signal.addEventListener('abort', abort, { once: true });
  socket.on('message', (data: RawData) => receive(data as Buffer));
  socket.on('error', (error) => {
    trouble = error.message;
  });
  socket.once('close', (code) => {
    stopPinging();
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    if (code !== GOOD_BYE || complaint.length > 0) reason ??= broken();
    stands.reject(reason ?? broken());
    if (!incoming.destroyed) incoming.push(null);
  });

  async function* output(): AsyncGenerator<Buffer> {
    yield* incoming as AsyncIterable<Buffer>;
    if (reason !== undefined) throw reason;
  }
  return {
    stands: stands.promise,
    stream: {
      output: output(),
      async write(data) {
        if (!(await sendOn(DATA, { socket, data }))) throw reason ?? broken();
      },
      close: () => socket.terminate(),
    },
  };
}

/** Takes the port's number off the beginning of each channel, and tells when both have said theirs. */
function portStripper(onOpen: () => void): (channel: number, data: Buffer) => Buffer {
  const missing = new Map([
    [DATA, PORT_BYTES],
    [ERROR, PORT_BYTES],
  ]);
  return (channel, data) => {
    const expected = missing.get(channel) ?? 0;
    if (expected === 0) return data;
    missing.set(channel, Math.max(0, expected - data.length));
    if ([...missing.values()].every((bytes) => bytes === 0)) onOpen();
    return data.subarray(expected);
  };
}
