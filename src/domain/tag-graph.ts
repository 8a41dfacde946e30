/** The tags of one repository and what they stand for, to find out quickly what goes when some of them go. */
import type { Digest, Tag } from './names.ts';
import { subjectOf } from './referrers.ts';

export class TagGraph {
  readonly #tags: ReadonlyMap<Tag, Digest | undefined>;
  readonly #childrenOf: (digest: Digest) => readonly Digest[];
  /** How many tags stand for a manifest, and how many indexes list it. */
  readonly #holders = new Map<Digest, number>();
  /** Signatures and the like, by the image to which they belong. */
  readonly #referrers = new Map<Digest, Tag[]>();

  /** @param childrenOf what an index lists */
  constructor(tags: ReadonlyMap<Tag, Digest | undefined>, childrenOf: (digest: Digest) => readonly Digest[]) {
    this.#tags = tags;
    this.#childrenOf = childrenOf;
    for (const [tag, digest] of tags) {
      if (digest !== undefined) this.#hold(digest);
      const subject = subjectOf(tag);
      if (subject !== undefined) this.#referrers.set(subject, [...(this.#referrers.get(subject) ?? []), tag]);
    }
    for (const digest of this.reached(tags.keys()))
      for (const child of new Set(childrenOf(digest))) this.#hold(child);
  }

  /** The manifests that are needed for these tags: what they stand for, and what indexes among that list. */
  reached(tags: Iterable<Tag>): ReadonlySet<Digest> {
    const reached = new Set<Digest>();
    for (const tag of tags) {
      const digest = this.#tags.get(tag);
      if (digest !== undefined) reached.add(digest);
    }
    // A set that grows while it is gone through is gone through to its end.
    for (const digest of reached) for (const child of this.#childrenOf(digest)) reached.add(child);
    return reached;
  }

  /**
   * The manifests that go with these tags: no other tag, and nothing that stays, needs them.
   *
   * @param follow whether tags that belong to what goes (signatures and the like) go as well. Default: they do
   */
  fallingWith(tags: Iterable<Tag>, { follow = true } = {}): ReadonlySet<Digest> {
    const going = new Set(tags);
    const left = new Map<Digest, number>();
    const falling = new Set<Digest>();
    const release = (digest: Digest) => {
      const holders = (left.get(digest) ?? this.#holders.get(digest) ?? 0) - 1;
      left.set(digest, holders);
      if (holders === 0) falling.add(digest);
    };
    const untie = (tag: Tag) => {
      const digest = this.#tags.get(tag);
      if (digest !== undefined) release(digest);
    };
    for (const tag of going) untie(tag);
    for (const digest of falling) {
      for (const child of new Set(this.#childrenOf(digest))) release(child);
      for (const tag of follow ? (this.#referrers.get(digest) ?? []) : []) {
        if (going.has(tag)) continue;
        going.add(tag);
        untie(tag);
      }
    }
    return falling;
  }

  #hold(digest: Digest): void {
    this.#holders.set(digest, (this.#holders.get(digest) ?? 0) + 1);
  }
}
