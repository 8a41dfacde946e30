/** Whether images are whole: whether the registry has all that they consist of. */
import { RegistryError } from '../domain/errors.ts';
import { type ManifestParts, readParts } from '../domain/manifest.ts';
import type { Digest, Repository } from '../domain/names.ts';
import type { MissingPart } from '../domain/verify.ts';
import type { Context } from './context.ts';
import { lookAt } from './look.ts';
import { retrying } from './retry.ts';

interface Look {
  readonly missing: readonly MissingPart[];
  /** `known`: an object store has some of them, which alone could tell whether it still does. */
  readonly blobs: 'there' | 'known';
}

/** The images of one repository. What several of them need is looked for once. */
export class WholeImages {
  readonly #context: Context;
  readonly #repository: Repository;
  readonly #manifests = new Map<Digest, Promise<ManifestParts | MissingPart>>();
  readonly #blobs = new Map<Digest, Promise<'there' | 'known' | 'unknown'>>();

  constructor(context: Context, repository: Repository) {
    this.#context = context;
    this.#repository = repository;
  }

  /** Looks into an image, and into those that it lists. */
  async look(digest: Digest): Promise<Look> {
    const missing: MissingPart[] = [];
    let blobs: Look['blobs'] = 'there';
    // Not recursive: how deep indexes are nested is up to the registry. A set that grows while it is gone through.
    const needed = new Set([digest]);
    for (const manifest of needed) {
      const parts = await this.#once(this.#manifests, manifest, () => this.#read(manifest));
      if ('kind' in parts) {
        missing.push(parts);
        continue;
      }
      for (const listed of parts.manifests) needed.add(listed);
      const known = await Promise.all(
        parts.blobs.map((blob) => this.#once(this.#blobs, blob, () => this.#find(blob))),
      );
      if (known.includes('known')) blobs = 'known';
      for (const [index, state] of known.entries())
        if (state === 'unknown') missing.push({ digest: parts.blobs[index] as Digest, kind: 'blob' });
    }
    return { missing, blobs };
  }

  async #read(digest: Digest): Promise<ManifestParts | MissingPart> {
    const { registry } = this.#context;
    const { content } = registry;
    if (content === undefined) return await this.#lookOnly(digest);
    try {
      const stored = await retrying(() => content.readManifest(this.#repository, digest), this.#context);
      if (stored === undefined) return { digest, kind: 'manifest' };
      return readParts(Buffer.from(stored.bytes).toString('utf8'), digest) ?? { digest, kind: 'damaged' };
    } catch (error) {
      // Not the bytes of that digest, as a damaged disk has them.
      if (error instanceof RegistryError && error.failure === 'other') return { digest, kind: 'damaged' };
      throw error;
    }
  }

  /** Where only manifests can be looked at, one that an index lists may be no manifest at all. */
  async #lookOnly(digest: Digest): Promise<ManifestParts | MissingPart> {
    const resolution = await lookAt(this.#context, this.#repository, digest);
    if (resolution.state === 'found') return { blobs: [], manifests: resolution.manifest.children };
    return { digest, kind: 'unclear' };
  }

  async #find(digest: Digest): Promise<'there' | 'known' | 'unknown'> {
    const { content } = this.#context.registry;
    if (content === undefined) return 'known';
    return await retrying(() => content.knowsBlob(this.#repository, digest), this.#context);
  }

  async #once<T>(known: Map<Digest, Promise<T>>, digest: Digest, look: () => Promise<T>): Promise<T> {
    const looking = known.get(digest) ?? look();
    known.set(digest, looking);
    return await looking;
  }
}
