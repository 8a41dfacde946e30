/**
 * The rules that keep a doomed tag from being deleted because something that stays needs its manifest. A rule is one
 * function and one line in `protectionRules`.
 */

import { type InUse, neededInUse } from './in-use.ts';
import type { Digest, Tag } from './names.ts';
import type { Indexes, PlannedTag } from './planned-tag.ts';

/** What a rule sees of a repository. */
interface ProtectionView {
  /** The digests that kept tags stand for, each with one such tag. */
  readonly kept: ReadonlyMap<Digest, Tag>;
  readonly indexes: Indexes;
  /** Left out: nothing is. */
  readonly inUse?: InUse | undefined;
}

/**
 * What must stay, each with what needs it: a tag by its name, or a manifest, and with it the tags on it. (A digest has a
 * colon, and a tag has none.)
 */
export type Needed = ReadonlyMap<Tag | Digest, string>;

export interface ProtectionRule {
  readonly name: string;
  /** For the review: why this rule exists. */
  readonly why: string;
  /**
   * - `manifest`: the manifest has to stay; a doomed tag may be taken off it, where the registry can do that
   * - `tag`: the tag itself has to stay
   */
  readonly protects: 'manifest' | 'tag';
  needed(view: ProtectionView): Needed;
}

/**
 * Deleting a manifest removes EVERY tag on its digest, so a doomed twin of a kept tag has to stay
 * (docker/distribution issue 1566).
 */
const sharedDigest: ProtectionRule = {
  name: 'shared digest',
  protects: 'manifest',
  why: 'deleting a manifest removes every tag on it, and a kept tag is on the same manifest',
  needed: ({ kept }) => kept,
};

/**
 * An image index refers to its platforms' manifests by digest; without them it cannot be pulled (OCI Image
 * Specification, "Image Index"). Indexes may list indexes.
 */
const indexChild: ProtectionRule = {
  name: 'index child',
  protects: 'manifest',
  why: 'a kept image index lists the manifest',
  needed: ({ kept, indexes }) => {
    const needed = new Map<Digest, Tag>();
    // Not recursive: how deep indexes are nested is up to the registry. The list grows while it is gone through.
    const keepers = [...kept];
    for (const [digest, keeper] of keepers)
      for (const child of indexes[digest] ?? []) {
        if (needed.has(child)) continue;
        needed.set(child, keeper);
        keepers.push([child, keeper]);
      }
    return needed;
  },
};

/** What runs by a tag's name is pulled by it again, and what runs by a digest can be found by its tag only. */
const inUse: ProtectionRule = {
  name: 'in use',
  protects: 'tag',
  why: 'something runs the image, or is to run it',
  needed: ({ inUse, indexes }) => (inUse === undefined ? new Map() : neededInUse(inUse, indexes)),
};

/**
 * A tag without a readable manifest has no digest to delete by. (It cannot be the twin of a doomed tag either: that
 * one's manifest, in the same repository, was read.)
 */
const UNREADABLE = 'unreadable';
const WHY_UNREADABLE = 'the registry lists the tag, but has no manifest for it';

export const protectionRules: readonly ProtectionRule[] = [inUse, sharedDigest, indexChild];

/** Why the rule of that name exists; empty for one that an earlier version had. */
export function whyOfRule(name: string): string {
  if (name === UNREADABLE) return WHY_UNREADABLE;
  return protectionRules.find((rule) => rule.name === name)?.why ?? '';
}

/** The rule's name in what `manifestStays` says. */
export function ruleOf(manifestStays: string): string {
  return protectionRules.find(({ name }) => manifestStays.startsWith(`${name} (`))?.name ?? manifestStays;
}

/** Under which rules a plan is made. */
export interface Policy {
  readonly rules?: readonly ProtectionRule[];
  /** Tags can be untied: taken off a manifest that stays. Default: no. */
  readonly unties?: boolean;
  /** What is in use of the repository. Default: nothing. */
  readonly inUse?: InUse | undefined;
}

/**
 * Applies the rules until nothing changes any more: a tag that is protected is kept, and what it needs in turn is
 * protected too. Keeps the order of the tags.
 */
export function protect(
  tags: readonly PlannedTag[],
  indexes: Indexes,
  { rules = protectionRules, unties = false, inUse }: Policy = {},
): readonly PlannedTag[] {
  let current = tags.map(forgetStay).map(keepUnreadable);
  for (;;) {
    const view: ProtectionView = { kept: keptDigests(current), indexes, inUse };
    let changed = false;
    for (const rule of rules) {
      const needed = rule.needed(view);
      current = current.map((planned) => {
        const { tag, digest, fate } = planned;
        const keeper = fate === 'delete' && digest && (needed.get(tag) ?? needed.get(digest));
        if (!keeper) return planned;
        const why = `${rule.name} (${keeper})`;
        if (unties && rule.protects === 'manifest') return { manifestStays: why, ...planned };
        changed = true;
        return { ...forgetStay(planned), fate: 'protect', rule: rule.name, reason: why };
      });
    }
    if (!changed) return current;
  }
}

/** The manifests that must not be deleted for the sake of kept tags, each with the tag that needs it. */
export function neededBy(tags: readonly PlannedTag[], indexes: Indexes): Needed {
  const view: ProtectionView = { kept: keptDigests(tags), indexes };
  return new Map(protectionRules.flatMap((rule) => [...rule.needed(view)]));
}

/** What was found out under an earlier reading of the registry does not count in this one. */
function forgetStay(planned: PlannedTag): PlannedTag {
  if (planned.manifestStays === undefined) return planned;
  const { manifestStays: _, ...rest } = planned;
  return rest;
}

function keepUnreadable(planned: PlannedTag): PlannedTag {
  if (planned.fate !== 'delete' || planned.digest !== undefined) return planned;
  return { ...planned, fate: 'protect', rule: UNREADABLE, reason: 'the registry has no manifest for it' };
}

function keptDigests(tags: readonly PlannedTag[]): ReadonlyMap<Digest, Tag> {
  const kept = new Map<Digest, Tag>();
  for (const { tag, digest, fate } of tags) {
    if (fate !== 'delete' && digest !== undefined && !kept.has(digest)) kept.set(digest, tag);
  }
  return kept;
}
