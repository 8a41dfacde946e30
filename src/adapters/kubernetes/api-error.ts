/** What can go wrong between us and the API server, as errors that people can act on. */
import { UnreachableError } from '../../domain/errors.ts';
import { parseObject } from '../../domain/json.ts';
import { roleRules } from '../../domain/permissions.ts';
import { plainText } from '../../domain/text.ts';
import { explainNetworkError } from './network-error.ts';
import { describeTarget, type Target, targetPermissions } from './target.ts';

interface ApiErrorOptions {
  readonly status?: number;
  readonly temporary: boolean;
  readonly retryAfterMs?: number;
  readonly next?: string;
  readonly cause?: unknown;
}

/** A request failed: by an answer (`status` is set) or without one. */
export class ApiError extends UnreachableError {
  /** The HTTP status; `undefined` when there was no answer. */
  readonly status: number | undefined;
  /** Another try can help. */
  readonly temporary: boolean;
  /** How long the server wants to be left alone; 0 when it did not say. */
  readonly retryAfterMs: number;

  constructor(message: string, options: ApiErrorOptions) {
    super(message, { ...options, forbidden: options.status === 403 });
    this.status = options.status;
    this.temporary = options.temporary;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** `true` when the API server answered with this status. */
export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}

/** Where requests go, for messages. */
export interface Place {
  readonly server: string;
  readonly context: string;
  /** The proxy in between, without its credentials. */
  readonly proxy: string | undefined;
}

/** An answer that is not a success. */
export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
  readonly retryAfterMs?: number;
}

/** The answers that another try can change. The API server says of 429 itself how long to wait. */
const TEMPORARY_STATUS = new Set([429, 500, 502, 503, 504]);

/**
 * Makes an error of an answer. Only the Status object's own message is repeated (Kubernetes API conventions,
 * "Response status kind"), or the plain text in which a kubelet refuses; never another body, or the headers.
 */
export function refusal(target: Target, answer: Refusal, place: Place): ApiError {
  const { status, body, contentType, retryAfterMs } = answer;
  const words = contentType?.startsWith('text/plain') ? plainText(body, 700) : statusMessage(body);
  const where = `${place.server} (context ${place.context})`;
  return new ApiError(
    `${where} answered ${status} to "${describeTarget(target)}"${words === '' ? '' : `: ${words}`}`,
    {
      status,
      temporary: TEMPORARY_STATUS.has(status),
      retryAfterMs: retryAfterMs ?? 0,
      next: adviceFor(status, words, target),
    },
  );
}

function adviceFor(status: number, words: string, target: Target): string {
  if (status === 401)
    return 'The cluster does not accept your credentials: log in again, or choose another --context.';
  if (status === 403)
    return `If you lack the permission, have this rule added to your Role:\n${roleRules(targetPermissions(target, ''))}`;
  if (words === '')
    return 'This is no answer of a Kubernetes API server: check the server and any proxy in between.';
  return '';
}

/** The message, or at least the reason, of a Status object; empty when the body is something else. */
function statusMessage(body: string): string {
  const { message, reason } = parseObject(body) ?? {};
  const words = typeof message === 'string' && message !== '' ? message : reason;
  return typeof words === 'string' ? plainText(words, 700) : '';
}

/** Makes an error of a request that got no answer at all. */
export function noAnswer(target: Target, error: unknown, place: Place): ApiError {
  const by = place.proxy === undefined ? '' : ` through the proxy ${place.proxy}`;
  const { words, next, temporary } = explainNetworkError(error, place);
  return new ApiError(
    `The API server ${place.server} (context ${place.context}) cannot be reached${by} for "${describeTarget(target)}": ${words}.`,
    { temporary, next, cause: error },
  );
}
