import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { S3Error } from './error.ts';

/** Who may use the store. */
export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

interface SignedRequest {
  readonly method: string;
  /** As it was sent, percent-encoded. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
}

/** What a request says about its signature, wherever it says it. */
interface Claim {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly date: string;
  readonly payloadHash: string;
}

/**
 * Checks signatures of requests and of presigned URLs (AWS Signature Version 4), but not whether the body is the one
 * that was signed.
 */
export class SignatureCheck {
  readonly #keys: Keys;
  /** Signing keys by scope: the same all day. */
  readonly #signingKeys = new Map<string, KeyObject>();

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** @throws {S3Error} 403, or 400 for two signatures at once */
  verify(request: SignedRequest): void {
    const claim = claimOf(request);
    const [accessKey, ...scope] = claim.credential.split('/');
    if (accessKey !== this.#keys.accessKey)
      throw new S3Error(403, 'InvalidAccessKeyId', 'unknown access key');
    const canonical = canonicalRequest(request, claim);
    const text = ['AWS4-HMAC-SHA256', claim.date, scope.join('/'), hash('sha256', canonical)].join('\n');
    const expected = createHmac('sha256', this.#signingKey(scope)).update(text).digest();
    const given = Buffer.from(claim.signature, 'hex');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new S3Error(403, 'SignatureDoesNotMatch', 'the signature does not belong to this request');
    }
  }

  #signingKey(scope: readonly string[]): KeyObject {
    const name = scope.join('/');
    const known = this.#signingKeys.get(name);
    if (known !== undefined) return known;
    const start = Buffer.from(`AWS4${this.#keys.secretKey}`);
    const secret = scope.reduce((key, part) => createHmac('sha256', key).update(part).digest(), start);
    const key = createSecretKey(secret);
    this.#signingKeys.set(name, key);
    return key;
  }
}

function claimOf({ query, headers }: SignedRequest): Claim {
  const presigned = new URLSearchParams(query);
  const isPresigned = presigned.has('X-Amz-Signature');
  if (headers.authorization === undefined) {
    if (isPresigned) return presignedClaim(presigned);
    throw new S3Error(403, 'AccessDenied', 'the request is not signed');
  }
  if (isPresigned) throw new S3Error(400, 'InvalidArgument', 'only one auth mechanism is allowed');
  const { authorization } = headers;
  const field = (name: string) => new RegExp(`[ ,]${name}=([^,]+)`).exec(authorization)?.[1] ?? '';
  if (!authorization.startsWith('AWS4-HMAC-SHA256 ')) {
    throw new S3Error(400, 'InvalidArgument', 'unsupported authorization type');
  }
  return {
    credential: field('Credential'),
    signedHeaders: field('SignedHeaders'),
    signature: field('Signature'),
    date: String(headers['x-amz-date']),
    payloadHash: String(headers['x-amz-content-sha256']),
  };
}

function presignedClaim(query: URLSearchParams): Claim {
  const value = (name: string) => query.get(`X-Amz-${name}`) ?? '';
  const [, day, time] = /^(\d{8})T(\d{6})Z$/.exec(value('Date')) ?? [];
  const signed = Date.parse(
    `${day?.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time?.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`,
  );
  const isValid = Date.now() <= signed + Number(value('Expires')) * 1000;
  if (!isValid) throw new S3Error(403, 'AccessDenied', 'the request has expired');
  return {
    credential: value('Credential'),
    signedHeaders: value('SignedHeaders'),
    signature: value('Signature'),
    date: value('Date'),
    payloadHash: 'UNSIGNED-PAYLOAD',
  };
}

function canonicalRequest({ method, path, query, headers }: SignedRequest, claim: Claim): string {
  const parameters = query
    .split('&')
    .filter((part) => part !== '' && !part.startsWith('X-Amz-Signature='))
    .map((part) => (part.includes('=') ? part : `${part}=`))
    .sort();
  const signed = claim.signedHeaders.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  return [method, path, parameters.join('&'), signed.join(''), claim.signedHeaders, claim.payloadHash].join(
    '\n',
  );
}
