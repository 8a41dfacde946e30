import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Bytes under way in one direction at a time; more than a fast line holds in a second of latency. */
const largestFlightBytes = 64 * 1024 * 1024;

/** A distance between a port and its clients. */
export interface Distance {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Puts a server further away: a port whose connections lead to the server's, with a round trip that takes so much
 * longer. Each chunk arrives half of that later, in order, however many there are; a new connection takes a whole
 * round trip, as TCP's handshake does.
 */
export async function putAway(server: {
  readonly port: number;
  readonly roundTripMs: number;
  /** The port for clients; 0 takes a free one. */
  readonly listenPort: number;
}): Promise<Distance> {
  const sockets = new Set<Socket>();
  const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const far = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const socket of [client, far]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    const oneWayMs = server.roundTripMs / 2;
    new Flight(client, far, { delayMs: oneWayMs, firstDelayMs: oneWayMs + server.roundTripMs });
    new Flight(far, client, { delayMs: oneWayMs, firstDelayMs: oneWayMs });
  });
  await listen(proxy, server.listenPort);
  return {
    port: (proxy.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => proxy.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

/** What a socket tells: data, that it is done, or that it broke. */
type News = Buffer | 'end' | 'reset';

/** One direction of a connection. */
class Flight {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: number;
  readonly #notBeforeMs: number;
  readonly #queue: { readonly news: News; readonly atMs: number }[] = [];
  #bytes = 0;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, delays: { readonly delayMs: number; readonly firstDelayMs: number }) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delays.delayMs;
    this.#notBeforeMs = performance.now() + delays.firstDelayMs;
    from.on('data', (chunk: Buffer) => {
      this.#depart(chunk);
      this.#bytes += chunk.length;
      if (this.#isFull) from.pause();
    });
    from.once('end', () => this.#depart('end'));
    from.on('error', () => this.#depart('reset'));
    from.once('close', () => this.#depart('reset'));
    to.on('drain', () => this.#takeUp());
    to.once('close', () => clearTimeout(this.#timer));
  }

  get #isFull(): boolean {
    return this.#bytes + this.#to.writableLength > largestFlightBytes;
  }

  #takeUp(): void {
    if (!this.#isFull) this.#from.resume();
  }

  #depart(news: News): void {
    // A socket closes after its end, too, and after it broke.
    if (this.#isOver) return;
    this.#isOver = !Buffer.isBuffer(news);
    const atMs = Math.max(performance.now() + this.#delayMs, this.#notBeforeMs);
    this.#queue.push({ news, atMs });
    if (this.#queue.length === 1) this.#wait(atMs);
  }

  #wait(atMs: number): void {
    this.#timer = setTimeout(() => this.#arrive(), Math.max(0, atMs - performance.now()));
  }

  /** Delivers whatever is due. */
  #arrive(): void {
    for (let [next] = this.#queue; next !== undefined; [next] = this.#queue) {
      if (next.atMs > performance.now()) {
        this.#wait(next.atMs);
        return;
      }
      this.#queue.shift();
      this.#deliver(next.news);
    }
  }

  #deliver(news: News): void {
    if (news === 'reset') this.#to.resetAndDestroy();
    else if (news === 'end') this.#to.end();
    else {
      this.#to.write(news);
      this.#bytes -= news.length;
      this.#takeUp();
    }
  }
}
