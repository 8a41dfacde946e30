/** What it means that no answer came. */
import { RegistryError, type RegistryFailure } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import { OversizeError } from './exchange.ts';
import { RegistryHttpError } from './http-error.ts';

/** The time limit of a request was over. */
export class TimeLimitError extends Error {
  constructor(limitMs: number) {
    super(`no answer within ${Math.round(limitMs / 1000)} s`);
  }
}

export interface Circumstances {
  readonly method: string;
  readonly url: string;
  /** Whether the connection was to be secured. */
  readonly tls: boolean;
  /** How the registry is reached, for messages. */
  readonly routeName: string;
  /** The request was written, at least in part. */
  readonly sent: boolean;
  /** The registry has answered something before. */
  readonly heard: boolean;
}

interface Meaning {
  readonly reason: string;
  readonly failure: RegistryFailure;
  readonly next?: string;
}

const CERTIFICATE_NEXT =
  'Give the authority that signed it (--tls-ca FILE), or accept any certificate (--tls-insecure).';
const UNTRUSTED: Meaning = {
  reason: 'its TLS certificate is not signed by an authority that is trusted here',
  failure: 'other',
  next: CERTIFICATE_NEXT,
};
const NO_TLS: Meaning = {
  reason: 'it does not speak TLS there',
  failure: 'other',
  next: 'Leave --tls out, or give the port where it speaks TLS.',
};
const PERHAPS_TLS = 'If it speaks TLS there, use --tls.';
const CUT: Meaning = { reason: 'the connection was cut', failure: 'temporary' };

/** Node documentation, "X509 certificate error codes" and "OpenSSL error codes"; undici, "Errors". */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_HAS_EXPIRED: {
    reason: 'its TLS certificate has expired',
    failure: 'other',
    next: 'Have it renewed, or accept any certificate (--tls-insecure).',
  },
  CERT_NOT_YET_VALID: {
    reason: 'its TLS certificate is not valid yet',
    failure: 'other',
    next: 'Check the clocks, or accept any certificate (--tls-insecure).',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    reason: 'its TLS certificate is for another name',
    failure: 'other',
    next: 'Give the registry by the name that the certificate is for (--registry), or accept any certificate (--tls-insecure).',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_UNKNOWN_PROTOCOL: NO_TLS,
  EPROTO: NO_TLS,
  ECONNRESET: CUT,
  EPIPE: CUT,
  UND_ERR_SOCKET: CUT,
};

/** Puts into words why a request failed without an answer. */
export function transportError(what: string, error: unknown, given: Circumstances): RegistryHttpError {
  const { reason, failure, next } = meaningOf(error, given);
  const { method, url, sent } = given;
  const answerLost = sent && failure === 'temporary';
  const advice = next ?? (failure === 'temporary' ? temporaryAdvice(error, given) : '');
  return new RegistryHttpError(`${what}: ${reason}.`, {
    ...{ method, url, failure, next: advice, cause: error, answerLost },
    retryAfterMs: error instanceof RegistryError ? error.retryAfterMs : 0,
  });
}

/** Whether the other side ended the connection. */
export function isCut(error: unknown): boolean {
  return MEANINGS[codeOf(error)] === CUT || (error instanceof RegistryError && error.failure === 'temporary');
}

function meaningOf(error: unknown, { tls }: Circumstances): Meaning {
  if (error instanceof RegistryError)
    return {
      reason: error.message.replace(/\.$/, ''),
      failure: error.failure,
      ...(error.next && { next: error.next }),
    };
  if (error instanceof TimeLimitError) return { reason: error.message, failure: 'temporary' };
  if (error instanceof OversizeError) return { reason: 'its answer is too large', failure: 'other' };
  const code = codeOf(error);
  const meaning = MEANINGS[code] ?? (code.startsWith('ERR_SSL_') ? tlsTrouble(error) : undefined);
  if (meaning !== undefined) return meaning;
  if (code.startsWith('HPE_'))
    return {
      reason: 'what answers there does not speak HTTP',
      failure: 'other',
      next: tls ? '' : PERHAPS_TLS,
    };
  return {
    reason: plainText(error instanceof Error ? error.message : String(error), 200),
    failure: 'temporary',
  };
}

/** Who expects TLS may well hang up on plain HTTP without a word. */
function temporaryAdvice(error: unknown, { tls, heard, routeName }: Circumstances): string {
  const again = `Check that the registry runs and can be reached (route: ${routeName}), and try again.`;
  return !tls && !heard && MEANINGS[codeOf(error)] === CUT ? `${again} ${PERHAPS_TLS}` : again;
}

function tlsTrouble(error: unknown): Meaning {
  return { reason: `TLS failed (${plainText((error as Error).message, 200)})`, failure: 'other' };
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
