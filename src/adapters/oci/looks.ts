import {
  IMAGE_TYPES,
  INDEX_TYPES,
  type Manifest,
  type ManifestReading,
  readManifest,
} from '../../domain/manifest.ts';
import { type Digest, parseDigest, parseTag, type Repository, type Tag } from '../../domain/names.ts';
import { isThrowAwayImage } from '../../domain/throw-away-image.ts';
import type { Reading, Resolution } from '../../ports.ts';
import { digestOf, sha256 } from './digest.ts';
import type { Listings } from './listings.ts';
import type { Fetched, Manifests, Missing, Place } from './manifests.ts';

/** Readings of indexes that are kept: a few hundred bytes each. */
const READINGS_KEPT = 1000;

/** Finds out what a tag or digest stands for. */
export class Looks {
  readonly #manifests: Manifests;
  readonly #listings: Listings;
  /** What indexes say, by digest: hundreds of tags may stand for one throw-away manifest. */
  readonly #readings = new Map<Digest, Promise<ManifestReading | Missing>>();

  constructor(given: { manifests: Manifests; listings: Listings }) {
    this.#manifests = given.manifests;
    this.#listings = given.listings;
  }

  /** @param known see the port */
  async resolve(place: Place, known?: Manifest): Promise<Resolution> {
    return unlessLeftOver(place, await this.#resolve(place, known));
  }

  async read(repository: Repository, reference: Tag | Digest): Promise<Reading> {
    return unlessLeftOver({ repository, reference }, await this.#read({ repository, reference }));
  }

  async #read(place: Place): Promise<Reading> {
    const fetched = await this.#manifests.get(place);
    if ('missing' in fetched) return await this.#doubt(place, fetched);
    const { digest, mediaType, bytes } = fetched;
    const asked = parseDigest(place.reference);
    // As for a look without the bytes: what the registry says of an image is believed, once its digest is seen to be right.
    const isImage = digest !== undefined && (asked ?? digest) === digest && IMAGE_TYPES.has(mediaType);
    if (!isImage) return this.#understand(place, fetched);
    this.#manifests.verify(place, { digest, bytes });
    return { ...image(digest, mediaType), stored: { mediaType, bytes } };
  }

  async #resolve({ repository, reference }: Place, known: Manifest | undefined): Promise<Resolution> {
    const heading = await this.#manifests.head({ repository, reference }, known?.digest);
    if (heading === 'unchanged' && known !== undefined) return { state: 'found', manifest: known };
    const { digest, mediaType = '' } = typeof heading === 'object' ? heading : {};
    const asked = parseDigest(reference);
    if (digest !== undefined && (asked === undefined || asked === digest)) {
      if (IMAGE_TYPES.has(mediaType)) return image(digest, mediaType);
      if (INDEX_TYPES.has(mediaType)) return await this.#resolveIndex({ repository, reference }, digest);
    }
    const reading = await this.#readPlainly({ repository, reference });
    // Without the bytes: what was found is kept for longer.
    return reading.state === 'found' ? { state: 'found', manifest: reading.manifest } : reading;
  }

  async #resolveIndex(place: Place, digest: Digest): Promise<Resolution> {
    const reading = await this.#reading(place.repository, digest);
    return 'missing' in reading ? await this.#doubt(place, reading) : resolutionOf(reading);
  }

  /** Reads the bytes, without relying on what the registry says about them. */
  async #readPlainly(place: Place): Promise<Reading> {
    const fetched = await this.#manifests.get(place);
    return 'missing' in fetched ? await this.#doubt(place, fetched) : this.#understand(place, fetched);
  }

  #understand(place: Place, fetched: Fetched): Reading {
    const expected = parseDigest(place.reference) ?? fetched.digest;
    const digest = expected ?? digestOf(fetched.bytes);
    const reading = readManifest({ text: fetched.bytes.toString('utf8'), digest });
    // Docker's schema 1 has the digest of something else than its bytes: it is unreadable, not wrong.
    if (reading.state !== 'unreadable') this.#manifests.verify(place, { digest, bytes: fetched.bytes });
    if (reading.state !== 'found') return resolutionOf(reading);
    const { mediaType } = reading.manifest;
    return { ...reading, stored: { mediaType, bytes: fetched.bytes } };
  }

  /** A deleted tag and one whose manifest is lost give the same answer: the listing decides. */
  async #doubt({ repository, reference }: Place, { missing }: Missing): Promise<NotFound> {
    const tag = parseTag(reference);
    if (tag === undefined) return { state: 'gone' };
    const listing = await this.#listings.list(repository);
    const listed = listing.state === 'listed' && listing.tags.includes(tag);
    return listed ? { state: 'dangling', reason: missing } : { state: 'gone' };
  }

  /** What the bytes of an index say. Digests do not change their meaning: one that was read is not read again. */
  #reading(repository: Repository, digest: Digest): Promise<ManifestReading | Missing> {
    const known = this.#readings.get(digest);
    if (known !== undefined) return known;
    const reading = this.#readIndex(repository, digest);
    this.#readings.set(digest, reading);
    const forget = () => this.#readings.delete(digest);
    reading.then((read) => 'missing' in read && forget(), forget);
    const [oldest] = this.#readings.keys();
    if (this.#readings.size > READINGS_KEPT && oldest !== undefined) this.#readings.delete(oldest);
    return reading;
  }

  async #readIndex(repository: Repository, digest: Digest): Promise<ManifestReading | Missing> {
    const fetched = await this.#manifests.getVerified(repository, digest);
    return 'missing' in fetched ? fetched : readManifest({ text: fetched.bytes.toString('utf8'), digest });
  }
}

type NotFound = Exclude<Resolution, { state: 'found' }>;

/** What is left of taking a dangling tag away. */
const LEFT_OVER: NotFound = { state: 'dangling', reason: 'it stands for a throw-away manifest' };

function image(digest: Digest, mediaType: string): Extract<Resolution, { state: 'found' }> {
  return { state: 'found', manifest: { digest, mediaType, children: [] } };
}

/** A program that was killed between the two halves of removing a dangling tag. */
function unlessLeftOver<T extends Resolution>({ repository, reference }: Place, found: T): T | NotFound {
  const own = { repository, tag: reference as Tag };
  return found.state === 'found' && isThrowAwayImage(found.manifest.digest, own, sha256) ? LEFT_OVER : found;
}

function resolutionOf(reading: Exclude<ManifestReading, { state: 'found' }>): NotFound;
function resolutionOf(reading: ManifestReading): Resolution;
function resolutionOf(reading: ManifestReading): Resolution {
  if (reading.state !== 'own') return reading;
  return reading.own.kind === 'lost' ? LEFT_OVER : { state: 'untied', marker: reading.own.marker };
}
