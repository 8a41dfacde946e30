/**
 * What is on the registry's disk, and for whose sake. Docker Distribution stores a blob once, whatever number of
 * repositories has it, and its garbage collector keeps the blobs of every manifest that any repository still has: the
 * manifest itself, its config and layers, and the manifests that an index lists.
 *
 * Digests are kept once and referred to by numbers: a registry of 20,000 images has a million references.
 */
import type { ManifestContent } from './manifest-content.ts';
import type { Digest, Repository } from './names.ts';

/** A manifest in a repository. */
export interface ManifestPlace {
  readonly repository: Repository;
  readonly digest: Digest;
}

export class Space {
  /** Numbers of blobs; manifests are blobs as well. */
  readonly #numbers = new Map<Digest, number>();
  /** By number, in bytes; 0 while nobody has said. */
  readonly #sizes: number[] = [];
  /** By number: how many manifests there are for whose sake it stays. One in two repositories counts twice. */
  readonly #users: number[] = [];
  /** What each manifest refers to, itself included, each once. */
  readonly #references = new Map<Digest, Uint32Array>();
  readonly #children = new Map<Digest, readonly Digest[]>();
  readonly #repositories = new Map<Repository, Set<Digest>>();

  /** How many manifests were added; one in two repositories counts twice. */
  get manifests(): number {
    return [...this.#repositories.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** The repository has the manifest. Adding it again changes nothing. */
  add(repository: Repository, content: ManifestContent): void {
    const digests = this.#repositories.get(repository) ?? new Set<Digest>();
    if (digests.has(content.digest)) return;
    this.#repositories.set(repository, digests.add(content.digest));
    for (const number of this.#referencesOf(content)) this.#users[number] = (this.#users[number] ?? 0) + 1;
  }

  has({ repository, digest }: ManifestPlace): boolean {
    return this.#repositories.get(repository)?.has(digest) ?? false;
  }

  /** What an index lists; nothing for an image, and for what was never added. */
  childrenOf(digest: Digest): readonly Digest[] {
    return this.#children.get(digest) ?? [];
  }

  /** What all that was added takes, in bytes. */
  get bytes(): number {
    return this.#sizes.reduce((sum, size) => sum + size, 0);
  }

  /** What these manifests take together, in bytes. */
  bytesOf(manifests: Iterable<ManifestPlace>): number {
    return this.#sum(this.#count(manifests).keys());
  }

  /** What the garbage collector frees when these manifests are gone, and no others: blobs that nothing else needs. */
  freedBy(manifests: Iterable<ManifestPlace>): number {
    let sum = 0;
    for (const [number, going] of this.#count(manifests))
      if (going === this.#users[number]) sum += this.#sizes[number] ?? 0;
    return sum;
  }

  /** How many of these manifests need each blob, by its number. Manifests that were never added count for nothing. */
  #count(manifests: Iterable<ManifestPlace>): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    const seen = new Map<Repository, Set<Digest>>();
    for (const place of manifests) {
      const { repository, digest } = place;
      const digests = seen.get(repository) ?? new Set<Digest>();
      if (digests.has(digest) || !this.has(place)) continue;
      seen.set(repository, digests.add(digest));
      for (const number of this.#references.get(digest) ?? [])
        counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    return counts;
  }

  #sum(numbers: Iterable<number>): number {
    let sum = 0;
    for (const number of numbers) sum += this.#sizes[number] ?? 0;
    return sum;
  }

  #referencesOf({ digest, size, blobs, children }: ManifestContent): Uint32Array {
    const known = this.#references.get(digest);
    if (known !== undefined) return known;
    const numbers = [
      this.#number(digest, size),
      ...blobs.map((blob) => this.#number(blob.digest, blob.size)),
    ];
    // How large what an index lists is says that itself: an index of what was never pushed takes nothing for it.
    for (const child of children) numbers.push(this.#number(child, 0));
    const references = Uint32Array.from(new Set(numbers));
    this.#references.set(digest, references);
    if (children.length > 0) this.#children.set(digest, children);
    return references;
  }

  /** Two that disagree about the size of a blob: the larger one counts. */
  #number(digest: Digest, size: number): number {
    const known = this.#numbers.get(digest);
    if (known !== undefined) {
      this.#sizes[known] = Math.max(this.#sizes[known] ?? 0, size);
      return known;
    }
    const number = this.#sizes.push(size) - 1;
    this.#numbers.set(digest, number);
    return number;
  }
}
