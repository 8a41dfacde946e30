/** What a manifest takes on the registry's disk, by its own words. */
import { type Manifest, OCI_INDEX, readManifest } from './manifest.ts';
import { type Digest, parseDigest } from './names.ts';

/** A config or a layer. */
export interface SizedBlob {
  readonly digest: Digest;
  /** In bytes; 0 for a layer that stands elsewhere (`urls`) and is not in the registry. */
  readonly size: number;
}

export interface ManifestContent extends Manifest {
  /** Of the manifest itself, in bytes. */
  readonly size: number;
  /** What an image refers to; nothing for an index. */
  readonly blobs: readonly SizedBlob[];
}

/** `undefined` where it cannot be told what the manifest refers to, and how large that is. */
export function readManifestContent(manifest: {
  readonly digest: Digest;
  readonly text: string;
  /** In bytes. */
  readonly size: number;
}): ManifestContent | undefined {
  const { digest, text, size } = manifest;
  const reading = readManifest({ text, digest });
  if (reading.state === 'unreadable') return undefined;
  if (reading.state === 'own') return { digest, mediaType: OCI_INDEX, size, blobs: [], children: [] };
  const { config, layers } = JSON.parse(text) as { config?: unknown; layers?: unknown };
  // That it has both was seen above, unless it is an index.
  const descriptors = config === undefined ? [] : [config, ...(Array.isArray(layers) ? layers : [layers])];
  const blobs = descriptors.map(readDescriptor);
  return blobs.every((blob) => blob !== undefined) ? { ...reading.manifest, size, blobs } : undefined;
}

/** OCI Image Specification 1.1, "Descriptor". */
function readDescriptor(value: unknown): SizedBlob | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { digest, size, urls } = value as { digest?: unknown; size?: unknown; urls?: unknown };
  const parsed = typeof digest === 'string' ? parseDigest(digest) : undefined;
  if (parsed === undefined || !Number.isSafeInteger(size) || (size as number) < 0) return undefined;
  const isElsewhere = Array.isArray(urls) && urls.length > 0;
  return { digest: parsed, size: isElsewhere ? 0 : (size as number) };
}
