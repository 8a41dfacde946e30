import { connect, type Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { type Cut, CutMeter } from './cut.ts';

const largestBacklogBytes = 256 * 1024;

/** A port that is to be forwarded, and the Unix socket that stands for it, if there is one. */
interface ForwardedPort {
  readonly port: number;
  readonly path: string | undefined;
}

interface PortForwardOptions {
  readonly podName: string;
  readonly uid: string;
  readonly ports: readonly ForwardedPort[];
  readonly cut: Cut | undefined;
}

/**
 * Connects a WebSocket with ports of a pod. Each port has a channel for data (even) and one for errors (odd), which
 * open with the port's number. Unlike an exec's process, the connections end with the socket, and the socket ends
 * when all of them have.
 */
export class PortForwardSession {
  readonly podName: string;
  readonly #socket: WebSocket;
  readonly #uid: string;
  readonly #meter: CutMeter;
  /** Data channels whose port is not done. */
  readonly #open: Set<number>;
  readonly #connections = new Map<number, Socket>();

  constructor(socket: WebSocket, { podName, uid, ports, cut }: PortForwardOptions) {
    this.podName = podName;
    this.#socket = socket;
    this.#uid = uid;
    this.#meter = new CutMeter(cut);
    this.#open = new Set(ports.map((_, at) => 2 * at));
    socket.on('error', () => {
      // Whatever ails the socket ends in 'close'.
    });
    for (const [at, { port }] of ports.entries()) {
      const number = Buffer.alloc(2);
      number.writeUInt16LE(port);
      this.#send(2 * at, number);
      this.#send(2 * at + 1, number);
    }
    socket.on('message', (message) => this.#receive(message));
    socket.once('close', () => {
      for (const connection of this.#connections.values()) connection.destroy();
    });
    for (const [at, forwarded] of ports.entries()) this.#forward(2 * at, forwarded);
  }

  /** Cuts the socket as a broken network does. */
  drop(): void {
    this.#socket.terminate();
  }

  #forward(channel: number, { port, path }: ForwardedPort): void {
    if (path === undefined) {
      this.#complain(channel, port, refused(port));
      this.#end(channel);
      return;
    }
    const connection = connect({ path });
    this.#connections.set(channel, connection);
    let stands = false;
    connection.once('connect', () => {
      stands = true;
    });
    connection.on('drain', () => this.#socket.resume());
    connection.on('data', (chunk: Buffer) => this.#pass(channel, chunk, connection));
    connection.once('error', () => {
      const reset = `read tcp4 127.0.0.1:${port}: connection reset by peer`;
      this.#complain(channel, port, stands ? reset : refused(port));
    });
    connection.once('close', () => {
      this.#socket.resume();
      this.#end(channel);
    });
  }

  #complain(channel: number, port: number, why: string): void {
    const message = `error forwarding port ${port} to pod ${this.#uid}, uid : ${why}`;
    this.#send(channel + 1, Buffer.from(message));
  }

  /** A normal closure, whatever happened, as soon as the last port is done. */
  #end(channel: number): void {
    this.#connections.delete(channel);
    this.#open.delete(channel);
    if (this.#open.size === 0) this.#socket.close(1000);
  }

  #pass(channel: number, chunk: Buffer, connection: Socket): void {
    this.#send(channel, this.#meter.admit(chunk), () => connection.resume());
    if (this.#meter.isReached) this.drop();
    else if (this.#socket.bufferedAmount > largestBacklogBytes) connection.pause();
  }

  #receive(message: RawData): void {
    const bytes = message as Buffer;
    // One reader for all channels: what one port does not take holds up the others, as in the kubelet.
    const connection = this.#connections.get(bytes[0] ?? -1);
    connection?.write(bytes.subarray(1));
    if ((connection?.writableLength ?? 0) > largestBacklogBytes) this.#socket.pause();
  }

  #send(channel: number, content: Buffer, sent?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(Buffer.concat([Buffer.of(channel), content]), sent);
  }
}

/** The container runtime's words. */
function refused(port: number): string {
  return `failed to execute portforward in network namespace "/var/run/netns/sandbox": failed to connect to localhost:${port} inside namespace, IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found`;
}
