/** From the dialer's bytes to a connection on which HTTP can be spoken. */
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Dialer } from '../../ports.ts';
import { duplexOf } from './stream-duplex.ts';

/** How to check the registry's certificate. */
export interface TlsOptions {
  /** PEM: the only authorities to trust, instead of the system's. */
  readonly ca?: string;
  /** Accepts any certificate. */
  readonly insecure: boolean;
}

export interface ConnectOptions {
  readonly dialer: Dialer;
  /** The host's name without its port: what the certificate has to be for. */
  readonly hostname: string;
  /** `undefined`: plain HTTP. */
  readonly tls: TlsOptions | undefined;
  /** Ends an attempt. */
  readonly signal: AbortSignal;
}

/** What undici calls for a new connection. */
export function createConnector(options: ConnectOptions): buildConnector.connector {
  return (_target, callback) => {
    connect(options).then(
      // undici asks of a socket only what every duplex stream has; its types say more.
      (stream) => callback(null, stream as Socket),
      (error) => callback(error, null),
    );
  };
}

async function connect({ dialer, hostname, tls, signal }: ConnectOptions): Promise<Duplex> {
  const stream = duplexOf(await dialer.dial(signal));
  return tls === undefined ? stream : await secure(stream, { hostname, tls, signal });
}

async function secure(
  stream: Duplex,
  { hostname, tls, signal }: { hostname: string; tls: TlsOptions; signal: AbortSignal },
): Promise<Duplex> {
  const secured = connectTls({
    socket: stream,
    host: hostname,
    // A name only: RFC 6066 has no IP addresses there.
    ...(isIP(hostname) === 0 && { servername: hostname }),
    ...(tls.ca !== undefined && { ca: tls.ca }),
    rejectUnauthorized: !tls.insecure,
    ALPNProtocols: ['http/1.1'],
  });
  const ready = Promise.withResolvers<void>();
  const abort = () => ready.reject(signal.reason);
  const closed = () => ready.reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
  signal.addEventListener('abort', abort, { once: true });
  secured.once('secureConnect', ready.resolve);
  secured.once('error', ready.reject);
  secured.once('close', closed);
  try {
    if (signal.aborted) abort();
    await ready.promise;
    return secured;
  } catch (error) {
    secured.on('error', () => {});
    secured.destroy();
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    secured.off('error', ready.reject);
    secured.off('close', closed);
  }
}
