/** The requests on manifests (OCI Distribution Specification 1.1), and what the answers to them mean. */
import { IMAGE_TYPES, INDEX_TYPES } from '../../domain/manifest.ts';
import { type Digest, parseDigest, type Repository, type Tag } from '../../domain/names.ts';
import type { StoredManifest } from '../../ports.ts';
import type { RegistryClient, RegistryRequest } from './client.ts';
import { digestOf, isDigestOf, parseDigestHeader } from './digest.ts';
import type { HttpAnswer } from './exchange.ts';
import { type RegistryHttpError, readOwnWords } from './http-error.ts';

/** What a HEAD tells. */
export interface Heading {
  /** `undefined` when the registry does not say it, or not so that it can be trusted. */
  readonly digest: Digest | undefined;
  readonly mediaType: string;
}

/** A manifest's bytes as they came. */
export interface Fetched extends StoredManifest {
  readonly bytes: Buffer;
  readonly digest: Digest | undefined;
}

/** The registry says that it does not have it; not just anybody who answers 404. */
export interface Missing {
  /** In the registry's words. */
  readonly missing: string;
}

/** Where a manifest is asked for. */
export interface Place {
  readonly repository: Repository;
  readonly reference: Tag | Digest;
}

/** Without all four of them an image of another kind would be an error, or be converted. */
const ACCEPT = [...IMAGE_TYPES, ...INDEX_TYPES].join(', ');

/** What registries say when they do not have a manifest, or its repository. */
const UNKNOWN: ReadonlySet<string> = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN']);

/** The registry's own word that it does not have what was asked for; `undefined` for any other answer. */
export function readMissing(answer: HttpAnswer, codes = UNKNOWN): Missing | undefined {
  if (answer.status !== 404) return undefined;
  const own = readOwnWords(answer);
  return own !== undefined && codes.has(own.code) ? { missing: own.message || own.code } : undefined;
}

export class Manifests {
  readonly #client: RegistryClient;

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  /**
   * `undefined` for a 404, which has no words with it: `get` tells whose it is. Docker Distribution compares the digest
   * of a tag with the one that is `known` before it reads the manifest, which spares its storage two reads of three.
   */
  async head(place: Place, known?: Digest): Promise<Heading | 'unchanged' | undefined> {
    const condition = known === undefined ? {} : { 'if-none-match': `"${known}"` };
    const request = { ...requestOf('HEAD', place), headers: { accept: ACCEPT, ...condition } };
    const answer = await this.#client.send(request);
    if (answer.status === 404) return undefined;
    if (answer.status === 304 && known !== undefined) return 'unchanged';
    if (answer.status !== 200) throw this.#client.refusal(request, answer);
    return headingOf(answer);
  }

  /** The bytes, which are those of the digest that was asked for. */
  async get(place: Place): Promise<Fetched | Missing> {
    const request = { ...requestOf('GET', place), headers: { accept: ACCEPT } };
    const answer = await this.#client.send(request);
    if (answer.status !== 200) {
      const missing = readMissing(answer);
      if (missing !== undefined) return missing;
      throw this.#client.refusal(request, answer);
    }
    return { ...headingOf(answer), bytes: answer.body };
  }

  /** The bytes of a digest, held against it. */
  async getVerified(repository: Repository, digest: Digest): Promise<Fetched | Missing> {
    const place = { repository, reference: digest };
    const fetched = await this.get(place);
    if (!('missing' in fetched)) this.verify(place, { digest, bytes: fetched.bytes });
    return fetched;
  }

  /** @throws RegistryHttpError unless these are the bytes of that digest */
  verify(place: Place, { digest, bytes }: { digest: Digest; bytes: Buffer }): void {
    if (isDigestOf(digest, bytes)) return;
    throw this.unexpected(
      place,
      `the registry answered with the bytes of ${digestOf(bytes)} instead of ${digest}`,
    );
  }

  /** What to throw when what was read is not what it should be. */
  unexpected(place: Place, reason: string): RegistryHttpError {
    return this.#client.unexpected(requestOf('GET', place), { reason });
  }

  /** @returns the digest, which the registry confirmed */
  async put(place: Place, { mediaType, bytes }: StoredManifest): Promise<Digest> {
    const body = Buffer.from(bytes);
    const request = { ...requestOf('PUT', place), headers: { 'content-type': mediaType }, body };
    const answer = await this.#client.send(request);
    if (answer.status !== 201) throw this.#client.refusal(request, answer);
    const named = parseDigest(place.reference);
    if (named !== undefined && isDigestOf(named, body)) return named;
    const digest = digestOf(body);
    const confirmed = answer.headers['docker-content-digest'];
    if (confirmed === undefined || confirmed === digest) return digest;
    throw this.#client.unexpected(request, { reason: 'the registry made another manifest of it' });
  }

  /** Deletes by digest, or by tag where the registry does that. */
  async delete(place: Place): Promise<'deleted' | Missing> {
    const request = requestOf('DELETE', place);
    const answer = await this.#client.send(request);
    if (answer.status === 202 || answer.status === 200) return 'deleted';
    const missing = readMissing(answer);
    if (missing !== undefined) return missing;
    throw this.#client.refusal(request, answer);
  }
}

function headingOf({ headers }: HttpAnswer): Heading {
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  return {
    digest: parseDigestHeader(headers['docker-content-digest']),
    mediaType: mediaType.trim().toLowerCase(),
  };
}

const VERBS = { HEAD: 'look at', GET: 'read', PUT: 'put', DELETE: 'delete' } as const;

function requestOf(method: keyof typeof VERBS, { repository, reference }: Place): RegistryRequest {
  const separator = parseDigest(reference) === undefined ? ':' : '@';
  return {
    what: `Could not ${VERBS[method]} ${repository}${separator}${reference}`,
    method,
    path: `/v2/${repository}/manifests/${reference}`,
  };
}
