import { Duplex } from 'node:stream';
import type { ByteStream } from '../../ports.ts';

/** A byte stream that is one of Node's already: nothing has to be put around it. */
export interface SocketStream extends ByteStream {
  readonly socket: Duplex;
}

/** A byte stream as Node's libraries want it. */
export function duplexOf(stream: ByteStream | SocketStream): Duplex {
  return 'socket' in stream ? stream.socket : new StreamDuplex(stream);
}

type Callback = (error?: Error | null) => void;

class StreamDuplex extends Duplex {
  readonly #stream: ByteStream;
  #wanted = Promise.withResolvers<void>();

  constructor(stream: ByteStream) {
    super({ allowHalfOpen: false });
    this.#stream = stream;
    // An error before anybody reads must not end the program.
    this.on('error', () => {});
    void this.#pump();
  }

  override _read(): void {
    this.#wanted.resolve();
  }

  override _write(data: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#send(data, callback);
  }

  /** What was written together goes out together: each message of an exec costs a round of its own. */
  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#stream.close();
    this.#wanted.resolve();
    callback(error);
  }

  #send(data: Buffer, callback: Callback): void {
    this.#stream.write(data).then(() => callback(), callback);
  }

  async #pump(): Promise<void> {
    try {
      for await (const chunk of this.#stream.output) {
        if (this.destroyed) return;
        if (this.push(chunk)) continue;
        await this.#wanted.promise;
        this.#wanted = Promise.withResolvers();
      }
      if (!this.destroyed) this.push(null);
    } catch (error) {
      this.destroy(error as Error);
    }
  }
}
