import { createHash } from 'node:crypto';
import type { RegistryStorage } from './storage.ts';

/** Content in a registry's storage, as a manifest refers to it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A manifest in the storage, and the blobs its repository must link. */
export interface StoredManifest extends Descriptor {
  readonly layers: readonly string[];
}

/**
 * Writes straight into the layout of Docker Distribution's storage (registry/storage/paths.go),
 * for a thousand images take minutes through its API.
 * Only for a storage that no registry process has open yet.
 */
export class StorageWriter {
  readonly #storage: Pick<RegistryStorage, 'put'>;
  readonly #known = new Set<string>();

  constructor(storage: Pick<RegistryStorage, 'put'>) {
    this.#storage = storage;
  }

  /** Stores a blob once, wherever it is used. */
  blob(mediaType: string, content: Buffer): Descriptor {
    const hex = createHash('sha256').update(content).digest('hex');
    if (!this.#known.has(hex)) {
      this.#known.add(hex);
      this.#write(`blobs/sha256/${hex.slice(0, 2)}/${hex}`, 'data', content);
    }
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  }

  /** Makes a manifest and all that it needs part of a repository, untagged. */
  manifest(repository: string, { digest, layers }: StoredManifest): void {
    for (const layer of layers) this.#link(repository, `_layers/${path(layer)}`, layer);
    this.#link(repository, `_manifests/revisions/${path(digest)}`, digest);
  }

  /** Makes a manifest part of a repository under a tag. */
  tag(repository: string, tag: string, manifest: StoredManifest): void {
    this.manifest(repository, manifest);
    this.#link(repository, `_manifests/tags/${tag}/current`, manifest.digest);
    this.#link(repository, `_manifests/tags/${tag}/index/${path(manifest.digest)}`, manifest.digest);
  }

  #link(repository: string, place: string, digest: string): void {
    const directory = `repositories/${repository}/${place}`;
    if (this.#known.has(directory)) return;
    this.#known.add(directory);
    this.#write(directory, 'link', digest);
  }

  #write(directory: string, name: string, content: Buffer | string): void {
    this.#storage.put(`docker/registry/v2/${directory}/${name}`, content);
  }
}

function path(digest: string): string {
  return digest.replace(':', '/');
}
