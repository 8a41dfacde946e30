import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '../../domain/names.ts';

/** SHA-256 of content, in hex. */
export function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The digest of content: SHA-256 of its exact bytes. */
export function digestOf(content: Buffer | string): Digest {
  return `sha256:${sha256(content)}` as Digest;
}

/** Whether bytes are what a digest stands for; `undefined` when its algorithm is none that this program knows. */
export function isDigestOf(digest: Digest, bytes: Buffer): boolean | undefined {
  const [algorithm = '', hex] = digest.split(':');
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return undefined;
  return createHash(algorithm).update(bytes).digest('hex') === hex;
}

const SHA256_DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Reads the header `Docker-Content-Digest`; `undefined` when it is missing or is no plain SHA-256. */
export function parseDigestHeader(value: string | undefined): Digest | undefined {
  return value !== undefined && SHA256_DIGEST.test(value) ? parseDigest(value) : undefined;
}
