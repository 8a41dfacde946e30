import { RegistryError, type RegistryFailure } from '../../domain/errors.ts';
import { parseObject } from '../../domain/json.ts';
import { plainText } from '../../domain/text.ts';
import type { HttpAnswer } from './exchange.ts';
import { retryAfterMs } from './retry-after.ts';

interface HttpErrorOptions {
  readonly method: string;
  /** As it was sent; kept without what may be secret. */
  readonly url: string;
  readonly failure: RegistryFailure;
  readonly next?: string;
  readonly cause?: unknown;
  readonly status?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
  readonly answerLost?: boolean;
}

/** A request to the registry failed: it said no, or its answer did not come. */
export class RegistryHttpError extends RegistryError {
  readonly method: string;
  /** Without user, password, and whatever may be secret in the query. */
  readonly url: string;
  /** The HTTP status; `undefined` when no answer came. */
  readonly status: number | undefined;
  /** The registry's own error code (`MANIFEST_UNKNOWN`, …), where it gave one. */
  readonly code: string | undefined;
  /** The request was sent and its answer did not come: it may have been carried out, or still be under way. */
  readonly answerLost: boolean;

  constructor(message: string, options: HttpErrorOptions) {
    super(message, { ...options, internal: options.status === 500 });
    this.method = options.method;
    this.url = redactUrl(options.url);
    this.status = options.status;
    this.code = options.code;
    this.answerLost = options.answerLost ?? false;
  }
}

/** What the registry itself says of an error (OCI Distribution Specification 1.1, "Error Codes"). */
export interface OwnWords {
  readonly code: string;
  readonly message: string;
}

/** The registry's error in an answer; `undefined` when there is none: then perhaps no registry answered. */
export function readOwnWords({ body }: HttpAnswer): OwnWords | undefined {
  const errors = parseObject(body.toString('utf8'))?.['errors'];
  const [first] = Array.isArray(errors) ? (errors as ({ code?: unknown; message?: unknown } | null)[]) : [];
  if (typeof first?.code !== 'string') return undefined;
  const message = typeof first.message === 'string' ? plainText(first.message, 200) : '';
  return { code: plainText(first.code, 60), message };
}

/** Says that the registry answered with something else than was asked for. */
export function refusalOf(
  what: string,
  { method, url, answer }: { method: string; url: string; answer: HttpAnswer },
): RegistryHttpError {
  const { status, headers } = answer;
  const own = readOwnWords(answer);
  const failure = failureOf(status);
  const { reason, next } = explain(answer, own);
  return new RegistryHttpError(`${what}: ${reason} (${method} ${redactUrl(url)}).`, {
    ...{ method, url, failure, status, next: next ?? NEXT[failure] },
    ...(own && { code: own.code }),
    retryAfterMs: retryAfterMs(headers['retry-after'], Date.now()),
  });
}

/** What kind of failure a status stands for. */
function failureOf(status: number): RegistryFailure {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 405) return 'unsupported';
  return status === 408 || status === 425 || status === 429 || status >= 500 ? 'temporary' : 'other';
}

/** What to do about a refusal. */
const NEXT: Readonly<Record<RegistryFailure, string>> = {
  unauthorized: 'Check the password: SKOPEO_PASSWORD, or the Secret domino-registry in domino-compute.',
  forbidden: "Check what the registry's user may do there.",
  unsupported: 'Deletion is not enabled in the registry (REGISTRY_STORAGE_DELETE_ENABLED).',
  temporary: 'Check that the registry runs and can be reached, and try again.',
  other: '',
};

function explain(
  { status, headers }: HttpAnswer,
  own: OwnWords | undefined,
): { reason: string; next?: string } {
  const { location, 'www-authenticate': challenge } = headers;
  if (status >= 300 && status < 400)
    return {
      reason: `the registry sends it on to ${hostOf(location)}, where this program does not follow`,
      next: 'Give the address of the registry itself.',
    };
  if (status === 401 && challenge !== undefined && /^bearer\b/i.test(challenge.trim()))
    return {
      reason: 'the registry wants tokens (Bearer), which this program does not fetch',
      next: 'This program logs in with user and password (Basic), as the registry of a Domino installation does.',
    };
  const words = own === undefined ? '' : ` ${own.code}${own.message === '' ? '' : `: ${own.message}`}`;
  return { reason: `the registry answered ${status}${words}` };
}

function hostOf(location: string | undefined): string {
  const url = URL.parse(location ?? '', 'relative://here');
  if (url === null || location === undefined) return 'nowhere';
  return url.protocol === 'relative:' ? 'another path' : plainText(url.host, 100);
}

/** Query parameters that are no secrets (OCI Distribution Specification, "Listing Tags"). */
const PLAIN_PARAMETERS: ReadonlySet<string> = new Set(['n', 'last']);

function redactUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return '';
  const query = [...parsed.searchParams].map(([name, value]) =>
    PLAIN_PARAMETERS.has(name) ? `${name}=${value}` : `${name}=…`,
  );
  const suffix = query.length === 0 ? '' : `?${query.join('&')}`;
  return plainText(`${parsed.protocol}//${parsed.host}${parsed.pathname}${suffix}`, 400);
}
