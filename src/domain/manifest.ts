/** What a manifest's bytes say (OCI Image Specification 1.1, "Image Manifest" and "Image Index"; Docker's schema 2). */
import { parseObject } from './json.ts';
import { type Digest, parseDigest } from './names.ts';
import { type OwnManifest, readOwnManifest } from './untagging.ts';

/** A manifest: what it is, and for an image index what it lists. */
export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The manifests that an index (or a Docker manifest list) refers to; empty for an image. */
  readonly children: readonly Digest[];
}

const OCI_IMAGE = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_IMAGE = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** The media types of a single image: it lists no other manifests. */
export const IMAGE_TYPES: ReadonlySet<string> = new Set([OCI_IMAGE, DOCKER_IMAGE]);
/** The media types of what lists other manifests. */
export const INDEX_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST]);

/** A manifest, or why these bytes are none that this program understands. */
export type ManifestReading =
  | { readonly state: 'found'; readonly manifest: Manifest }
  /** One that this program has put there. */
  | { readonly state: 'own'; readonly own: OwnManifest }
  | { readonly state: 'unreadable'; readonly reason: string };

/**
 * Reads a manifest's bytes. Whatever is not plainly an image or an index is unreadable, not an image without
 * children: what it refers to could not be protected. That includes Docker's schema 1, whose digest is not even that
 * of its bytes.
 */
export function readManifest({ text, digest }: { text: string; digest: Digest }): ManifestReading {
  const document = parseObject(text);
  if (document === undefined) return unreadable('it is not a JSON object');
  const own = readOwnManifest(text);
  if (own !== undefined) return { state: 'own', own };
  const { schemaVersion, manifests, config, layers } = document;
  if (schemaVersion !== 2) return unreadable(`its schema version is ${JSON.stringify(schemaVersion)}, not 2`);
  const mediaType = document.mediaType ?? inferMediaType(document);
  if (typeof mediaType !== 'string') return unreadable('its media type is missing');
  if (INDEX_TYPES.has(mediaType)) {
    const children = readChildren(manifests);
    return children === undefined
      ? unreadable('it is an index, but what it lists cannot be read')
      : { state: 'found', manifest: { digest, mediaType, children } };
  }
  const isImage = IMAGE_TYPES.has(mediaType) && manifests === undefined;
  return isImage && config !== undefined && layers !== undefined
    ? { state: 'found', manifest: { digest, mediaType, children: [] } }
    : unreadable(`it is neither an image nor an index, but calls itself ${JSON.stringify(mediaType)}`);
}

/** What an image consists of, or an index lists. */
export interface ManifestParts {
  /**
   * An image's configuration and layers, but for those that are never pushed: the base layers of Windows images. What an
   * index lists that is no manifest: BuildKit keeps a build cache's layers so.
   */
  readonly blobs: readonly Digest[];
  readonly manifests: readonly Digest[];
}

type Descriptor = { readonly digest?: unknown; readonly mediaType?: unknown; readonly urls?: unknown } | null;

/** `undefined` for what is no manifest that this program understands. */
export function readParts(text: string, digest: Digest): ManifestParts | undefined {
  const reading = readManifest({ text, digest });
  if (reading.state !== 'found') return undefined;
  const { manifests, config, layers } = parseObject(text) ?? {};
  const isIndex = INDEX_TYPES.has(reading.manifest.mediaType);
  const listed: unknown = isIndex ? manifests : layers;
  if (!Array.isArray(listed)) return undefined;
  const blobs = readDigests(
    isIndex ? listed.filter(isBlob) : [config, ...listed].filter((part) => !isNeverPushed(part)),
  );
  const listedManifests = readDigests(isIndex ? listed.filter((entry) => !isBlob(entry)) : []);
  return blobs && listedManifests && { blobs, manifests: listedManifests };
}

function isBlob(entry: Descriptor): boolean {
  const mediaType = entry?.mediaType;
  return typeof mediaType === 'string' && !IMAGE_TYPES.has(mediaType) && !INDEX_TYPES.has(mediaType);
}

/** OCI Image Specification, "Non-Distributable Layers"; Docker's schema 2, "foreign layers". */
function isNeverPushed(part: Descriptor): boolean {
  const mediaType = String(part?.mediaType);
  const isElsewhere = Array.isArray(part?.urls) && part.urls.length > 0;
  return isElsewhere || mediaType.includes('.nondistributable.') || mediaType.includes('.foreign.');
}

/** OCI manifests need not name their type. Both kinds at once is a known trick (CVE-2021-41190): neither. */
function inferMediaType({ manifests, config }: Record<string, unknown>): string | undefined {
  if (manifests !== undefined && config === undefined) return OCI_INDEX;
  return config !== undefined && manifests === undefined ? OCI_IMAGE : undefined;
}

function readChildren(manifests: unknown): readonly Digest[] | undefined {
  return Array.isArray(manifests) ? readDigests(manifests) : undefined;
}

function readDigests(descriptors: readonly Descriptor[]): readonly Digest[] | undefined {
  const digests = descriptors.map((each) =>
    typeof each?.digest === 'string' ? parseDigest(each.digest) : undefined,
  );
  return digests.every((digest) => digest !== undefined) ? digests : undefined;
}

function unreadable(reason: string): ManifestReading {
  return { state: 'unreadable', reason };
}
