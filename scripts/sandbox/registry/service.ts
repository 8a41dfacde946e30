import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Connection } from './connection.ts';
import { HttpFaultProxy } from './http-faults.ts';

/**
 * The Service in front of the registry's pods: passes TCP connections on to a ready pod, and resets
 * them when there is none. Only while a fault of HTTP is armed does it look into what passes.
 */
export class RegistryService {
  readonly faults: HttpFaultProxy;
  readonly #endpoints: () => readonly string[];
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #downUntil = 0;
  #turn = 0;

  /** @param endpoints sockets of the pods that are ready at the moment */
  constructor(endpoints: () => readonly string[]) {
    this.#endpoints = endpoints;
    this.faults = new HttpFaultProxy(() => this.#next());
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
    for (const client of this.#clients) client.resetAndDestroy();
  }

  clear(): void {
    this.#downUntil = 0;
    this.faults.clear();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const client of this.#clients) client.destroy();
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
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    new Connection(client, endpoint, () => this.faults.isArmed && this.faults.take(client));
  }

  /** One of the pods that may get traffic, in turns. */
  #next(): string | undefined {
    const endpoints = Date.now() < this.#downUntil ? [] : this.#endpoints();
    this.#turn += 1;
    return endpoints[this.#turn % endpoints.length];
  }
}
