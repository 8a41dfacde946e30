/**
 * What belongs to an image without being in it: signatures, attestations and SBOMs. They stand under tags that name
 * their subject's digest: `sha256-<hex>.sig`, `.att`, `.sbom` (cosign), or without a suffix (OCI Distribution
 * Specification 1.1, "Referrers Tag Schema"). They go with their subject and stay with it.
 *
 * Docker Distribution has no referrers API, and an untagged manifest cannot be found: what refers to an image in no
 * such way is not seen.
 */
import { type Digest, parseDigest, type Tag } from './names.ts';
import type { Indexes, PlannedTag } from './planned-tag.ts';
import { neededBy, type Policy, protect } from './protection.ts';

const REFERRER_TAG = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/;

/** The digest of the image to which the tag belongs; `undefined` for any other tag. */
export function subjectOf(tag: Tag): Digest | undefined {
  const hex = REFERRER_TAG.exec(tag)?.[1];
  return hex === undefined ? undefined : parseDigest(`sha256:${hex}`);
}

/**
 * Protects what has to stay, and dooms the tags that belong to what goes.
 *
 * @param judged every tag, with what the file says of it
 * @param mayGo whether a tag that belongs to something may go with it. Default: all may
 */
export function protectAndFollow(
  judged: readonly PlannedTag[],
  given: { indexes: Indexes; policy: Policy; mayGo?: (tag: Tag) => boolean },
): readonly PlannedTag[] {
  const { indexes, policy, mayGo = () => true } = given;
  const following = new Map<Tag, Digest>();
  for (;;) {
    const tags = protect(
      judged.map((planned) => follow(planned, following.get(planned.tag))),
      indexes,
      policy,
    );
    // What goes only grows: a tag more that goes needs nothing any more.
    const falling = fallingDigests(tags, indexes);
    const before = following.size;
    for (const { tag, fate } of judged) {
      const subject = fate === 'unrecognised' && mayGo(tag) ? subjectOf(tag) : undefined;
      if (subject !== undefined && falling.has(subject)) following.set(tag, subject);
    }
    if (following.size === before) return tags;
  }
}

function follow(planned: PlannedTag, subject: Digest | undefined): PlannedTag {
  return subject === undefined
    ? planned
    : { ...planned, fate: 'delete', subject, reason: `belongs to ${subject}, which goes` };
}

/** The manifests that go: of doomed tags, and what doomed indexes list and nothing that stays needs. */
export function fallingDigests(tags: readonly PlannedTag[], indexes: Indexes): ReadonlySet<Digest> {
  const needed = neededBy(tags, indexes);
  const falling = new Set(
    tags.flatMap(({ fate, digest, manifestStays }) =>
      fate === 'delete' && digest !== undefined && manifestStays === undefined ? digest : [],
    ),
  );
  // A set that grows while it is gone through is gone through to its end.
  for (const digest of falling)
    for (const child of indexes[digest] ?? []) if (!needed.has(child)) falling.add(child);
  return falling;
}
