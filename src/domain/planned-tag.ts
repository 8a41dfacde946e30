/** A tag of a repository with what happens to it, and what image indexes list. */
import type { Digest, RevisionName, Tag } from './names.ts';

/**
 * What happens to a tag. Everything but `delete` is kept.
 *
 * - `delete`: a revision that the file does not retain
 * - `retain`: a revision that the file names
 * - `protect`: the file would delete it, but a rule forbids it
 * - `struck`: the reviewer took it from the list
 * - `unrecognised`: not a revision's tag
 * - `other`: a revision of an environment that the file does not name
 */
export type Fate = 'delete' | 'retain' | 'protect' | 'struck' | 'unrecognised' | 'other';

/** One tag of the plan. */
export interface PlannedTag {
  readonly tag: Tag;
  /** `undefined` when the registry lists the tag but has no manifest for it. Such a tag is never deleted. */
  readonly digest: Digest | undefined;
  readonly fate: Fate;
  /** Why, in a few words for the review. */
  readonly reason: string;
  /** The protection rule's name, with fate `protect`. */
  readonly rule?: string;
  /**
   * With fate `delete`: only the tag goes, since something that stays needs its manifest; which, and by which rule.
   * Such a tag can only be deleted where tags can be untied.
   */
  readonly manifestStays?: string;
  /** With fate `delete`: the tag is no revision's; it belongs to the image of this digest, and goes with it. */
  readonly subject?: Digest;
  /** The tag stands for a throw-away manifest at the moment: the marker of the ledger that says for what before. */
  readonly untiedBy?: Tag;
  /** The revision that the tag names, unless it is unrecognised. */
  readonly names?: RevisionName;
}

/** What an image index lists, by the index's digest. Nested indexes have an entry of their own. */
export type Indexes = Readonly<Record<Digest, readonly Digest[]>>;
