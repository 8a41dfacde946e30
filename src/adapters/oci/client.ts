import type { Credentials, Dialer } from '../../ports.ts';
import { abortable } from './abortable.ts';
import { Changes } from './changes.ts';
import type { TlsOptions } from './connect.ts';
import { type Connection, Connections } from './connections.ts';
import { Exchange, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { Gate, type Kind } from './gate.ts';
import { RegistryHttpError, refusalOf } from './http-error.ts';
import { TimeLimit } from './time-limit.ts';
import { type Circumstances, isCut, TimeLimitError, transportError } from './transport-error.ts';

export interface RegistryClientOptions {
  /** `host:port`: the header `Host`, and the name that a certificate has to be for. */
  readonly registry: string;
  /** `undefined` for a registry without authentication. */
  readonly credentials: Credentials | undefined;
  /** `undefined`: plain HTTP. */
  readonly tls: TlsOptions | undefined;
  /** Makes the connections. They are the registry's, whatever host they lead to. */
  readonly dialer: Dialer;
  /** Requests under way at a time, at most. More calls may be made at once, and should be: they wait here. */
  readonly concurrency: number;
  /** How the registry is reached, for messages. */
  readonly routeName: string;
  /** The run's ID: it is in the registry's access log then, as the user agent. */
  readonly run: string;
  /** Ends every request that has no signal of its own. */
  readonly signal: AbortSignal;
}

export interface RegistryRequest {
  /** What could not be done if it fails, for messages: `Could not …`. */
  readonly what: string;
  readonly method: HttpRequest['method'];
  /** With the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Instead of that of the client. A request with a signal of its own does not wait for its turn. */
  readonly signal?: AbortSignal;
  /** Called when its turn has come, before it is sent. */
  readonly onTurn?: () => void;
}

/** What the registry, or a gateway before it, says when it has too much to do. */
const PUSHBACK: ReadonlySet<number> = new Set([429, 503, 504]);

/**
 * The conversation with the registry: HTTP/1.1 over kept connections, Basic credentials with every request and to
 * nobody else, no redirects, a pace that adapts. Nothing is tried again but a look whose kept connection had just been
 * closed by the other side.
 */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #origin: string;
  readonly #connections: Connections;
  readonly #gate: Gate;
  readonly #changes = new Changes(now);
  readonly #limits: Readonly<Record<Kind, TimeLimit>> = {
    look: new TimeLimit('look'),
    change: new TimeLimit('change'),
  };
  readonly #headers: Readonly<Record<string, string>>;
  #heard = false;

  constructor(options: RegistryClientOptions) {
    const { registry, credentials, tls, dialer, concurrency, run } = options;
    this.#options = options;
    this.#origin = `${tls === undefined ? 'http' : 'https'}://${registry}`;
    const hostname = registry.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    this.#connections = new Connections({ origin: this.#origin, dialer, hostname, tls });
    this.#gate = new Gate({ ceiling: concurrency, now });
    this.#headers = {
      'user-agent': `docker-registry-cleaner (run ${run})`,
      ...(credentials && { authorization: basic(credentials) }),
    };
  }

  /** `host:port`, for messages. */
  get address(): string {
    return this.#options.registry;
  }

  /** Whether TLS is spoken. */
  get secured(): boolean {
    return this.#options.tls !== undefined;
  }

  /** The answer, whatever its status. Rejects with a `RegistryHttpError` when none came. */
  async send(request: RegistryRequest): Promise<HttpAnswer> {
    const signal = request.signal ?? this.#options.signal;
    signal.throwIfAborted();
    const pass = request.signal ? undefined : await this.#gate.enter(kindOf(request), signal);
    if (signal.aborted) {
      pass?.leave('failed');
      throw signal.reason;
    }
    const control = new AbortController();
    const answer = this.#converse(request, control.signal).then(
      (received) => {
        pass?.leave(PUSHBACK.has(received.status) ? 'refused' : 'answered');
        return received;
      },
      (error: Error) => {
        pass?.leave(error.cause instanceof TimeLimitError ? 'refused' : 'failed');
        throw error;
      },
    );
    if (kindOf(request) === 'change') this.#changes.add(answer);
    return await abortable(answer, { signal, onAbort: () => control.abort(signal.reason) });
  }

  /** What to throw when an answer is none that was hoped for. */
  refusal({ what, method, path }: RegistryRequest, answer: HttpAnswer): RegistryHttpError {
    return refusalOf(what, { method, url: this.#origin + path, answer });
  }

  /** What to throw when an answer is one that no registry should give. */
  unexpected(
    { what, method, path }: Pick<RegistryRequest, 'what' | 'method' | 'path'>,
    { reason, next = '' }: { readonly reason: string; readonly next?: string },
  ): RegistryHttpError {
    const options = { method, url: this.#origin + path, failure: 'other', next } as const;
    return new RegistryHttpError(`${what}: ${reason}.`, options);
  }

  /** Returns when the registry cannot be at work on a change any more. */
  async quiesce(signal: AbortSignal): Promise<void> {
    await this.#changes.settle(signal);
  }

  /** Lets go of all connections at once. */
  close(): void {
    this.#connections.closeAll();
  }

  async #converse(request: RegistryRequest, signal: AbortSignal): Promise<HttpAnswer> {
    request.onTurn?.();
    const first = await this.#attempt(request, { fresh: false, signal });
    if (!('error' in first)) return first.answer;
    const { error, kept, exchange } = first;
    const stale = kept && !exchange.answered && isCut(error) && kindOf(request) === 'look' && !signal.aborted;
    const last = stale ? await this.#attempt(request, { fresh: true, signal }) : first;
    if (!('error' in last)) return last.answer;
    throw this.#transportError(request, last);
  }

  async #attempt(
    request: RegistryRequest,
    { fresh, signal }: { fresh: boolean; signal: AbortSignal },
  ): Promise<Attempt> {
    const kind = kindOf(request);
    const limit = this.#limits[kind];
    const { limitMs } = limit;
    const startedAtMs = now();
    const connection = this.#connections.take({ fresh });
    const { kept } = connection;
    const exchange = this.#begin(connection, request);
    // A change that was sent is carried out, whoever still waits for it: its answer tells when it is over.
    const abort = () => (kind === 'look' || !exchange.sent) && exchange.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => exchange.abort(new TimeLimitError(limitMs)), limitMs);
    try {
      const answer = await exchange.answer;
      this.#heard = true;
      limit.measured(now() - startedAtMs);
      this.#connections.giveBack(connection);
      return { answer };
    } catch (error) {
      if (error instanceof TimeLimitError) limit.exceeded(limitMs);
      this.#connections.discard(connection);
      return { error, kept, exchange };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  #begin(connection: Connection, { method, path, headers, body }: RegistryRequest): Exchange {
    return new Exchange(connection, {
      ...{ method, path },
      headers: { ...this.#headers, ...headers },
      ...(body && { body }),
    });
  }

  #transportError(request: RegistryRequest, { error, exchange }: FailedAttempt): RegistryHttpError {
    const circumstances: Circumstances = {
      method: request.method,
      url: this.#origin + request.path,
      tls: this.secured,
      routeName: this.#options.routeName,
      sent: exchange.sent,
      heard: this.#heard,
    };
    const failure = transportError(request.what, error, circumstances);
    if (exchange.sent && kindOf(request) === 'change') this.#changes.lost(this.#limits.change.settlingMs);
    return failure;
  }
}

interface FailedAttempt {
  readonly error: unknown;
  /** The connection had answered before. */
  readonly kept: boolean;
  readonly exchange: Exchange;
}

type Attempt = FailedAttempt | { readonly answer: HttpAnswer };

function kindOf({ method }: Pick<RegistryRequest, 'method'>): Kind {
  return method === 'GET' || method === 'HEAD' ? 'look' : 'change';
}

/** RFC 7617. */
function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function now(): number {
  return performance.now();
}
