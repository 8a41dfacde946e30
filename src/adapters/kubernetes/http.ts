/** One HTTP request and its answer. */
import http, { type IncomingMessage } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import { abortable } from './abort.ts';
import { timeoutError } from './network-error.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headersDistinct'];
  readonly body: string;
}

/** A list of some hundred pods is about 5 MiB. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Sends a request over a connection of its own: a write never meets a kept one that the server has just closed.
 * Rejects with a system error, with one whose code is `ETIMEDOUT` after `timeoutMs`, or with the signal's reason.
 */
export async function send(request: HttpRequest, connection: RequestOptions): Promise<HttpAnswer> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(timeoutError(request.timeoutMs)), request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout.signal]);
  try {
    // Node tells a request that still waits for its proxy about the abort only when the proxy answers.
    return await abortable(exchange(request, { ...connection, signal }), signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

function exchange({ method, url, headers, body }: HttpRequest, options: RequestOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const client = url.protocol === 'https:' ? https : http;
    // Node does not tell the length of a DELETE's body by itself, and servers take the body for another request.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const merged = { ...options, method, headers: { ...options.headers, ...headers, ...length } };
    const request = client.request(url, merged, (response) => {
      readBody(response, MAX_BODY_BYTES).then(
        (text) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headersDistinct, body: text }),
        reject,
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Reads a body of at most `maxBytes`; rejects when it is longer, or cut short. */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
