import { connect, type Socket } from 'node:net';
import { RegistryError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import type { Dialer } from '../../ports.ts';
import type { SocketStream } from './stream-duplex.ts';

/** How long a connection is silent before the system asks whether the other side is still there. */
const KEEP_ALIVE_DELAY_MS = 15_000;

export interface DirectDialerOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
}

/** Connections from this machine. */
export function createDirectDialer(options: DirectDialerOptions): Dialer {
  return { dial: (signal) => dial(options, signal) };
}

async function dial(options: DirectDialerOptions, signal: AbortSignal): Promise<SocketStream> {
  signal.throwIfAborted();
  const { host, port, connectTimeoutMs } = options;
  const where = `${host}:${port}`;
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  });
  const connected = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => connected.reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    connectTimeoutMs,
  );
  const abort = () => connected.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  socket.once('connect', connected.resolve);
  // Stays there: an error before anybody reads must not end the program.
  socket.on('error', connected.reject);
  try {
    await connected.promise;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw connectError(where, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
  return streamOf(socket, where);
}

function streamOf(socket: Socket, where: string): SocketStream {
  return {
    socket,
    output: outputOf(socket, where),
    write: (data) =>
      new Promise((resolve, reject) => {
        socket.write(data, (error) => (error ? reject(brokenError(where, error)) : resolve()));
      }),
    close: () => socket.destroy(),
  };
}

async function* outputOf(socket: Socket, where: string): AsyncGenerator<Buffer> {
  try {
    yield* socket as AsyncIterable<Buffer>;
  } catch (error) {
    throw brokenError(where, error);
  }
}

/** Node documentation, "Common system errors". A name that cannot be resolved stays so; all else can change. */
function connectError(where: string, error: unknown): RegistryError {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string };
  const lasting = code === 'ENOTFOUND';
  const reason = REASONS[code] ?? (plainText(message, 200) || code);
  return new RegistryError(`Could not connect to ${where}: ${reason}.`, {
    failure: lasting ? 'other' : 'temporary',
    next: lasting
      ? 'Check the name of the host.'
      : 'Check that it runs and can be reached from this machine.',
    cause: error,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  ECONNREFUSED: 'the connection was refused',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ENOTFOUND: 'its name cannot be resolved',
  ETIMEDOUT: 'it did not answer in time',
};

function brokenError(where: string, cause: unknown): RegistryError {
  return new RegistryError(`The connection to ${where} broke.`, { failure: 'temporary', cause });
}
