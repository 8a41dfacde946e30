/**
 * Requests to the Kubernetes API. Objects are read as plain JSON, not through client-node's generated models, which
 * drop every field that they do not know: what a patch puts back must be exactly what was there.
 */
import type { RequestOptions } from 'node:https';
import { plainText } from '../../domain/text.ts';
import { pause } from './abort.ts';
import { ApiError, noAnswer, refusal } from './api-error.ts';
import { authenticated, type Endpoint } from './endpoint.ts';
import { type HttpAnswer, send } from './http.ts';
import { describeTarget, METHODS, type Target, targetPath } from './target.ts';

/** client-node's types describe its models; on the wire a date is text. */
export type Wire<Type> = Type extends Date
  ? string
  : Type extends readonly (infer Item)[]
    ? Wire<Item>[]
    : Type extends object
      ? { [Key in keyof Type]: Wire<Type[Key]> }
      : Type;

interface ApiRequest extends Target {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** `false` when sending the request twice could do something else than sending it once. Default `true`. */
  readonly repeatable?: boolean;
}

interface ConnectedRequest extends ApiRequest {
  readonly connection: RequestOptions;
}

export interface ApiClient {
  /**
   * Sends a request, several times where another try can help, and returns the object that the server answers.
   * Rejects with an `ApiError`, or with the signal's reason.
   */
  request<Kind>(request: ApiRequest, signal: AbortSignal): Promise<Wire<Kind>>;
  /** The API server's clock (milliseconds since 1970), as its last answer told it: it may differ from ours. */
  now(): number;
}

export interface ApiClientOptions {
  /** For one request with its retries; the one that is under way may take as long again. */
  readonly requestTimeoutMs: number;
  /** Waiting times before another try, each varied by ± 50 %. */
  readonly retryDelaysMs: readonly number[];
  /** Told each different text of a `Warning` header once. */
  readonly onWarning: (text: string) => void;
}

/** The longest `Retry-After` that is obeyed. */
const MAX_RETRY_AFTER_MS = 10_000;

export function createApiClient(endpoint: Endpoint, options: ApiClientOptions): ApiClient {
  const tellWarnings = warningListener(options.onWarning);
  let clockOffsetMs = 0;

  function attempt<Kind>(request: ApiRequest, signal: AbortSignal): Promise<Wire<Kind>> {
    return authenticated(endpoint, signal, (connection) => ask<Kind>({ ...request, connection }, signal));
  }

  async function ask<Kind>(request: ConnectedRequest, signal: AbortSignal): Promise<Wire<Kind>> {
    const answer = await exchange(request, signal);
    clockOffsetMs = serverTimeMs(answer) - Date.now();
    tellWarnings(answer.headers.warning ?? []);
    const { status, body } = answer;
    if (status >= 200 && status < 300) return parse<Kind>(body, request, endpoint);
    throw refusal(request, { status, body, retryAfterMs: retryAfterMs(answer) }, endpoint.place);
  }

  async function exchange(request: ConnectedRequest, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await send(
        { ...encode(request, endpoint), timeoutMs: options.requestTimeoutMs, signal },
        request.connection,
      );
    } catch (error) {
      signal.throwIfAborted();
      throw noAnswer(request, error, endpoint.place);
    }
  }

  return {
    now: () => Date.now() + clockOffsetMs,
    async request<Kind>(request: ApiRequest, signal: AbortSignal) {
      const giveUpAt = performance.now() + options.requestTimeoutMs;
      for (let tries = 0; ; tries++) {
        try {
          return await attempt<Kind>(request, signal);
        } catch (error) {
          const delayMs = options.retryDelaysMs[tries];
          if (delayMs === undefined || performance.now() > giveUpAt || !mayRepeat(request, error))
            throw error;
          await pause(Math.max(jittered(delayMs), error.retryAfterMs), signal);
        }
      }
    },
  };
}

/** 429 says that nothing was done, so even what must not happen twice may be asked again. */
function mayRepeat({ repeatable = true }: ApiRequest, error: unknown): error is ApiError {
  return error instanceof ApiError && error.temporary && (repeatable || error.status === 429);
}

function jittered(delayMs: number): number {
  return delayMs * (0.5 + Math.random());
}

function encode(request: ApiRequest, endpoint: Endpoint) {
  const { verb, query, body, contentType = 'application/json' } = request;
  const url = endpoint.url(targetPath(request));
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  // Unknown fields would otherwise be dropped, with a mere warning. Deletion options have no such check.
  if (verb === 'create' || verb === 'patch') url.searchParams.set('fieldValidation', 'Strict');
  return {
    method: METHODS[verb],
    url,
    headers: {
      accept: 'application/json',
      'user-agent': 'docker-registry-cleaner',
      ...(body === undefined ? {} : { 'content-type': contentType }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
}

function parse<Kind>(body: string, request: ApiRequest, { place }: Endpoint): Wire<Kind> {
  try {
    return JSON.parse(body) as Wire<Kind>;
  } catch {
    throw new ApiError(
      `${place.server} (context ${place.context}) answered "${describeTarget(request)}" with something else than JSON.`,
      { temporary: false, next: 'Check that this is a Kubernetes API server, and any proxy in between.' },
    );
  }
}

function serverTimeMs({ headers }: HttpAnswer): number {
  const time = Date.parse(headers.date?.[0] ?? '');
  return Number.isNaN(time) ? Date.now() : time;
}

/** RFC 9110, "Retry-After"; Kubernetes sends seconds. */
function retryAfterMs({ headers }: HttpAnswer): number {
  const seconds = Number(headers['retry-after']?.[0] ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1000, MAX_RETRY_AFTER_MS) : 0;
}

/** `299 - "text"` (RFC 7234, "Warning"; Kubernetes sends no other code). */
const WARNING = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/;

function warningListener(tell: (text: string) => void): (headers: readonly string[]) => void {
  const told = new Set<string>();
  return (headers) => {
    for (const header of headers) {
      const text = plainText((WARNING.exec(header)?.[1] ?? '').replace(/\\(.)/g, '$1'));
      if (text === '' || told.has(text)) continue;
      told.add(text);
      tell(text);
    }
  };
}
