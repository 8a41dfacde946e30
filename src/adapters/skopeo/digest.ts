import { createHash } from 'node:crypto';
import type { Digest } from '../../domain/names.ts';

/** SHA-256 of content, in hex. */
export function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The digest of content: SHA-256 of its exact bytes. */
export function digestOf(bytes: Buffer): Digest {
  return `sha256:${sha256(bytes)}` as Digest;
}
