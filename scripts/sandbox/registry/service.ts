import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { HttpFaultProxy } from './http-faults.ts';

/**
 * The Service in front of the registry's pods: passes TCP connections on to a ready pod, and resets
 * them when there is none. Only while a fault of HTTP is armed does it look into what passes.
 */
export class RegistryService {
  readonly faults: HttpFaultProxy;
  readonly #endpoints: () => readonly string[];
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #downUntil = 0;
  #turn = 0;

  /** @param endpoints sockets of the pods that are ready at the moment */
  constructor(endpoints: () => readonly string[]) {
    this.#endpoints = endpoints;
    this.faults = new HttpFaultProxy(
      () => this.#next(),
      () => this.#dropIdle(),
    );
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  /** Starts to listen on 127.0.0.1 and returns the port. */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets every connection, those of the next `forMs` milliseconds too. */
  goDown(forMs: number): void {
    this.#downUntil = Date.now() + forMs;
    for (const { client } of this.#connections) client.resetAndDestroy();
  }

  clear(): void {
    this.#downUntil = 0;
    this.faults.clear();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { client } of this.#connections) client.destroy();
    await this.faults.close();
    await closed;
  }

  #accept(client: Socket): void {
    client.on('error', () => client.destroy());
    const endpoint = this.#next();
    if (endpoint === undefined) {
      client.resetAndDestroy();
      return;
    }
    client.setNoDelay(true);
    const connection: Connection = { client, answered: false };
    this.#connections.add(connection);
    client.once('close', () => this.#connections.delete(connection));
    if (this.faults.isArmed) this.faults.take(client);
    else pass(connection, endpoint);
  }

  /** One of the pods that may get traffic, in turns. */
  #next(): string | undefined {
    const endpoints = Date.now() < this.#downUntil ? [] : this.#endpoints();
    this.#turn += 1;
    return endpoints[this.#turn % endpoints.length];
  }

  /** Ends connections between two requests: their next request shall meet the fault. */
  #dropIdle(): void {
    for (const { client, answered } of this.#connections) {
      if (answered) client.end();
    }
  }
}

interface Connection {
  readonly client: Socket;
  /** The last bytes were the registry's: most likely the connection is between two requests. */
  answered: boolean;
}

function pass(connection: Connection, endpoint: string): void {
  const { client } = connection;
  const pod = connect({ path: endpoint, allowHalfOpen: true });
  pod.on('error', () => client.resetAndDestroy());
  pod.once('close', () => client.destroy());
  client.once('close', () => pod.destroy());
  client.on('data', () => {
    connection.answered = false;
  });
  pod.on('data', () => {
    connection.answered = true;
  });
  client.pipe(pod);
  pod.pipe(client);
}
