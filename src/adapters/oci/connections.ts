import { Client, type Dispatcher } from 'undici';
import { type ConnectOptions, createConnector } from './connect.ts';

/** How long an idle connection is kept. */
const KEEP_ALIVE_MS = 10 * 60_000;

export interface ConnectionsOptions extends Omit<ConnectOptions, 'signal'> {
  /** `http://host:port` or `https://…`. */
  readonly origin: string;
}

/**
 * Connections to the registry, kept open between requests; one request at a time on each. Not undici's `Pool`, since
 * that does not tell whether a request went out on a connection that had been kept, which alone may be tried again.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** The connection that was used last, since that is the least likely to have been closed; else a new one. */
  take({ fresh }: { readonly fresh: boolean }): Connection {
    if (this.#closed) throw new Error('The connections to the registry are closed.');
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) return idle;
    const connection = new Connection(this.#options, { onClose: () => this.#drop(connection) });
    this.#all.add(connection);
    return connection;
  }

  /** After a request that went well. */
  giveBack(connection: Connection): void {
    connection.kept = true;
    if (this.#all.has(connection)) this.#idle.push(connection);
    else connection.destroy();
  }

  /** After one that did not: whatever may still come on that connection is not waited for. */
  discard(connection: Connection): void {
    this.#drop(connection);
    connection.destroy();
  }

  closeAll(): void {
    this.#closed = true;
    for (const connection of [...this.#all]) this.discard(connection);
  }

  #drop(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

/** One connection; it is made when the first request is sent. */
export class Connection {
  /** It has answered a request before. */
  kept = false;
  readonly #client: Client;
  readonly #control = new AbortController();

  constructor({ origin, ...connecting }: ConnectionsOptions, { onClose }: { onClose: () => void }) {
    this.#client = new Client(origin, {
      connect: createConnector({ ...connecting, signal: this.#control.signal }),
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // Time limits are the caller's.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#client.on('disconnect', onClose);
  }

  send(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    // undici would close the connection after each HEAD, for servers that send a body with the answer.
    this.#client.dispatch({ ...request, reset: false }, handler);
  }

  destroy(): void {
    this.#control.abort(new Error('The connection was given up.'));
    void this.#client.destroy();
  }
}
