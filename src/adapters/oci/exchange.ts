import type { Dispatcher } from 'undici';
import type { Connection } from './connections.ts';

/** Larger than any listing: a million tags of 40 characters are 43 MB. */
const LARGEST_BODY_BYTES = 128 * 1024 * 1024;

/** What is sent. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** What came back, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of a header that came several times, the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** The answer is larger than any that makes sense. */
export class OversizeError extends Error {}

/** One request and its answer on one connection. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Rejects with what undici or the connector says, or with what `abort` was given. */
  readonly answer: Promise<HttpAnswer>;
  /** The request was written, at least in part: the registry may carry it out. */
  sent = false;
  /** The answer has begun. */
  answered = false;
  readonly #done = Promise.withResolvers<HttpAnswer>();
  #controller: Dispatcher.DispatchController | undefined;
  #aborted: Error | undefined;
  #status = 0;
  #headers: Record<string, string | undefined> = {};
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(connection: Connection, { method, path, headers, body }: HttpRequest) {
    this.answer = this.#done.promise;
    connection.send({ method, path, headers, ...(body && { body }) }, this);
  }

  /** Gives it up, at whatever point it is. */
  abort(reason: Error): void {
    this.#aborted = reason;
    this.#controller?.abort(reason);
    this.#done.reject(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted !== undefined) controller.abort(this.#aborted);
    else this.sent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.answered = true;
    this.#status = status;
    this.#headers = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
    );
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > LARGEST_BODY_BYTES) this.abort(new OversizeError('The answer is too large.'));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#done.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#done.reject(error);
  }
}
