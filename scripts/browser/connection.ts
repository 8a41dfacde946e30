/** The Chrome DevTools Protocol through a pipe: JSON messages, each followed by a NUL (`--remote-debugging-pipe`). */
import type { Readable, Writable } from 'node:stream';

/** An event of the browser, or of one of its pages. */
export interface DevToolsEvent {
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: hundreds of shapes; whoever reads one knows which it is
  readonly params: any;
  /** The page that it comes from. */
  readonly sessionId?: string;
}

interface Waiting {
  readonly method: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class DevToolsConnection {
  readonly #output: Writable;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: DevToolsEvent) => void>();
  #last = 0;
  #text = '';

  constructor({ output, input }: { output: Writable; input: Readable }) {
    this.#output = output;
    output.on('error', () => this.#end());
    input.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    input.once('close', () => this.#end());
  }

  /** Calls a method. Rejects when the browser says no, or ends. */
  // biome-ignore lint/suspicious/noExplicitAny: as for events
  send(method: string, params: object = {}, sessionId?: string): Promise<any> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { method, resolve, reject });
      this.#output.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** Returns how to stop listening. */
  listen(listener: (event: DevToolsEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #read(text: string): void {
    const messages = (this.#text + text).split('\0');
    this.#text = messages.pop() ?? '';
    for (const message of messages) this.#receive(JSON.parse(message));
  }

  #receive(message: DevToolsEvent & { id?: number; result?: unknown; error?: { message: string } }): void {
    const { id, result, error } = message;
    if (id === undefined) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(`${waiting.method}: ${error.message}`));
    else waiting?.resolve(result);
  }

  #end(): void {
    for (const { method, reject } of this.#waiting.values())
      reject(new Error(`${method}: the browser has ended`));
    this.#waiting.clear();
  }
}
