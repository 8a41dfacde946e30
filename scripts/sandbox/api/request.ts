import type { IncomingMessage } from 'node:http';
import type { Target, Verb } from './resources.ts';
import { ApiError, badRequest, unsupportedMediaType } from './status.ts';

/** A request to a resource, read as far as its headers go. */
export interface ApiRequest {
  readonly target: Target;
  readonly verb: Verb;
  readonly query: URLSearchParams;
  readonly message: IncomingMessage;
}

/** An answer in full; a watch has none. */
export interface ApiAnswer {
  readonly code: number;
  readonly body: object;
  /** What the client is warned of, one header each. */
  readonly warnings?: readonly string[];
}

const largestBodyBytes = 3 * 1024 * 1024;

/**
 * Reads a JSON body.
 *
 * @param accepted media types; none means that a body without one is fine too
 * @throws {ApiError} 415 for another media type, 413 when it is too large, 400 when it is not JSON
 */
export async function readJson(message: IncomingMessage, accepted: readonly string[]): Promise<unknown> {
  const type = mediaType(message);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  const text = await readText(message);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding the body: ${(error as Error).message}`);
  }
}

/** Media type of the body in lower case, without parameters; '' if none is given. */
export function mediaType({ headers }: IncomingMessage): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Reads a body as text. @throws {ApiError} 413 when it is too large */
export async function readText(message: IncomingMessage): Promise<string> {
  return (await readBytes(message)).toString();
}

/** Reads a body. @throws {ApiError} 413 when it is too large */
export async function readBytes(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > largestBodyBytes) {
      const message = 'Request entity too large: limit is 3145728';
      throw new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
