import type { Readable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { ExecProcess } from '../runtime/runtime.ts';
import { type Cut, CutMeter } from './cut.ts';

/** Channels of the streaming protocol; the first byte of each message. */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

const largestBacklogBytes = 256 * 1024;

/**
 * Connects a WebSocket with a process. The process outlives the socket, as in a real cluster: when the
 * socket goes, its output is read on and thrown away, and its input stays open.
 */
export class ExecSession {
  readonly podName: string;
  readonly #socket: WebSocket;
  readonly #meter: CutMeter;
  #stdin: ExecProcess['stdin'] | undefined;

  constructor(socket: WebSocket, options: { readonly podName: string; readonly cut: Cut | undefined }) {
    this.#socket = socket;
    this.podName = options.podName;
    this.#meter = new CutMeter(options.cut);
    socket.on('error', () => {
      // Whatever ails the socket ends in 'close'; the process does not care.
    });
    // Input that comes before the process stands must not get lost.
    socket.pause();
    // Tells the client that the stream stands, as a real server does.
    this.#send(channels.stdout, Buffer.alloc(0));
  }

  /** Runs a process to its end over the socket. */
  async run(process: ExecProcess, streams: { readonly stdin: boolean; readonly v5: boolean }): Promise<void> {
    process.stdin.on('error', () => {
      // The process has closed its input: what comes for it now goes nowhere.
    });
    if (streams.stdin) {
      this.#stdin = process.stdin;
      process.stdin.on('drain', () => this.#socket.resume());
      this.#socket.on('message', (message) => this.#receive(message, streams.v5));
    } else {
      process.stdin.end();
    }
    this.#socket.resume();
    this.#forward(process.stdout, channels.stdout);
    this.#forward(process.stderr, channels.stderr);
    const exitCode = await process.exited;
    this.finish(exitCode === 0 ? { status: 'Success' } : failure(exitCode));
  }

  /** Reports how the exec ended and closes the socket. */
  finish(status: object): void {
    this.#socket.resume();
    this.#send(channels.error, Buffer.from(JSON.stringify({ metadata: {}, ...status })));
    this.#socket.close(1000);
  }

  /** Cuts the socket as a broken network does: no status, no goodbye. */
  drop(): void {
    this.#socket.terminate();
  }

  #receive(message: RawData, v5: boolean): void {
    const bytes = Buffer.isBuffer(message) ? message : Buffer.from(message as ArrayBuffer);
    const [channel, closed] = bytes;
    if (channel === channels.stdin) {
      this.#stdin?.write(bytes.subarray(1));
      if ((this.#stdin?.writableLength ?? 0) > largestBacklogBytes) this.#socket.pause();
    } else if (channel === channels.close && v5 && closed === channels.stdin) {
      this.#stdin?.end();
    }
  }

  #forward(output: Readable, channel: number): void {
    output.on('data', (chunk: Buffer) => {
      this.#send(channel, chunk, () => output.resume());
      if (this.#isOpen && this.#socket.bufferedAmount > largestBacklogBytes) output.pause();
    });
    // Once the client has left, nothing may hold the process up.
    this.#socket.once('close', () => output.resume());
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  #send(channel: number, content: Buffer, sent?: () => void): void {
    if (!this.#isOpen) return;
    const isOutput = channel !== channels.error && content.length > 0;
    const admitted = isOutput ? this.#meter.admit(content) : content;
    this.#socket.send(Buffer.concat([Buffer.of(channel), admitted]), sent);
    if (isOutput && this.#meter.isReached) this.drop();
  }
}

function failure(exitCode: number): object {
  return {
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}
