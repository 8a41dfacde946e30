/**
 * The check after deleting: what was deleted is gone, what stays still stands for what it did, and the images that are
 * looked into are whole. Who did what cannot be seen in a registry; but what this run has deleted is known, so that what
 * it has cost can be told from what somebody else has changed, or what was never there.
 */
import type { Digest, EnvironmentId, Repository, Tag } from './names.ts';
import type { Outcomes } from './outcome.ts';
import { fallenChildren, type RepositoryPlan } from './plan.ts';
import type { PlannedTag } from './planned-tag.ts';

/**
 * How many of the images that stay are looked into: some, all, or none; with `none` nothing is checked at all. Tags are
 * all held against their digests.
 */
export const verifyModes = ['sample', 'full', 'none'] as const;
export type VerifyMode = (typeof verifyModes)[number];

/** So many images are looked into by `sample`. */
export const SAMPLE_SIZE = 20;

/**
 * What a tag has to be in the end.
 *
 * - `gone`: it was deleted
 * - `same`: it still stands for `digest`
 * - `there`: it was to be deleted and was left alone, so that it need not stand for what the plan knew
 * - `manifestless`: the registry listed it without a manifest when the plan was made
 */
export interface Expectation {
  readonly tag: Tag;
  readonly state: 'gone' | 'same' | 'there' | 'manifestless';
  /** What it stood for when the plan was reviewed. */
  readonly digest: Digest | undefined;
}

/**
 * What the tags of a repository have to be. One that could not be deleted, or whose turn has not come, may be anything.
 *
 * @param plan as it stands at the end
 * @param reviewed as it was when it was agreed to: what has moved since has been moved by somebody else
 */
export function expectationsOf(
  plan: RepositoryPlan,
  reviewed: RepositoryPlan,
  outcomes: Outcomes,
): readonly Expectation[] {
  const before = new Map(reviewed.tags.map(({ tag, digest }) => [tag, digest]));
  return plan.tags.flatMap((planned): Expectation | [] => {
    const { tag, fate } = planned;
    const digest = before.has(tag) ? before.get(tag) : planned.digest;
    const outcome = outcomes.of(plan.ref.repository, tag)?.outcome;
    if (outcome === 'deleted' || outcome === 'alreadyGone') return { tag, state: 'gone', digest };
    if (outcome === 'drifted') return { tag, state: 'there', digest };
    if (fate === 'delete') return [];
    return { tag, state: digest === undefined ? 'manifestless' : 'same', digest };
  });
}

/** What the registry has for a tag now. */
export type Seen =
  | { readonly state: 'found'; readonly manifest: { readonly digest: Digest } }
  | { readonly state: 'gone' }
  | { readonly state: 'untied'; readonly marker: Tag }
  | { readonly state: 'dangling' | 'unreadable'; readonly reason: string };

/**
 * - `gone`: deleted, as planned
 * - `kept`: it stands for what it did
 * - `moved`: somebody has pushed it since
 * - `stillThere`: deleted, and there (again)
 * - `lost`: it has to be there, and is not
 */
type TagVerdict = 'gone' | 'kept' | 'moved' | 'stillThere' | 'lost';

export interface TagJudgement {
  readonly verdict: TagVerdict;
  /** Empty where everything is as it has to be. */
  readonly reason: string;
}

const AS_PLANNED: TagJudgement = { verdict: 'gone', reason: '' };
const KEPT: TagJudgement = { verdict: 'kept', reason: '' };

/** Holds a tag against what it has to be. */
export function judgeTag({ state, digest }: Pick<Expectation, 'state' | 'digest'>, seen: Seen): TagJudgement {
  switch (state) {
    case 'gone':
      return judgeDeleted(digest, seen);
    case 'same':
      return judgeKept(digest, seen);
    case 'there':
      return absence(seen) ?? KEPT;
    case 'manifestless':
      if (seen.state === 'gone')
        return { verdict: 'moved', reason: 'it is gone; the registry had no manifest for it before, either' };
      return seen.state === 'found' ? moved(seen) : KEPT;
  }
}

function judgeDeleted(digest: Digest | undefined, seen: Seen): TagJudgement {
  switch (seen.state) {
    case 'gone':
      return AS_PLANNED;
    case 'untied':
      return {
        verdict: 'stillThere',
        reason: `it stands for a throw-away manifest, see the tag ${seen.marker}`,
      };
    case 'dangling':
      return { verdict: 'stillThere', reason: 'the registry lists it, without a manifest' };
    case 'unreadable':
      return moved(seen);
    case 'found':
      if (seen.manifest.digest !== digest) return moved(seen);
      return {
        verdict: 'stillThere',
        reason: `it stands for ${digest}, which was deleted: that was pushed again, or put back`,
      };
  }
}

function judgeKept(digest: Digest | undefined, seen: Seen): TagJudgement {
  if (seen.state === 'found' && seen.manifest.digest === digest) return KEPT;
  // What could be read when the plan was made can be read now: something else has come in its place.
  return absence(seen) ?? moved(seen);
}

/** Nothing can be pulled by the tag. */
function absence(seen: Seen): TagJudgement | undefined {
  switch (seen.state) {
    case 'gone':
      return { verdict: 'lost', reason: 'the tag is gone' };
    case 'dangling':
      return { verdict: 'lost', reason: 'the registry lists it, without a manifest' };
    case 'untied':
      return { verdict: 'lost', reason: `it stands for a throw-away manifest, see the tag ${seen.marker}` };
    case 'found':
    case 'unreadable':
      return undefined;
  }
}

function moved(seen: Seen): TagJudgement {
  const now = seen.state === 'found' ? `it stands for ${seen.manifest.digest} now` : 'it cannot be read now';
  return { verdict: 'moved', reason: `${now}: somebody has pushed it since` };
}

/** Something that is not as it has to be. */
export interface Finding {
  readonly repository: Repository;
  readonly tag: Tag;
  /** What the tag stood for when the plan was reviewed. */
  readonly digest?: Digest;
  readonly verdict: 'moved' | 'stillThere' | 'lost' | 'notWhole';
  readonly reason: string;
}

/** The digests that this run has deleted, or may have: of deleted tags, and of what deleted indexes listed. */
export function deletedDigests(plan: RepositoryPlan, outcomes: Outcomes): ReadonlySet<Digest> {
  const { repository } = plan.ref;
  const ofTags = plan.tags.flatMap(({ tag, digest }) =>
    digest !== undefined && outcomes.isGone(repository, tag) ? digest : [],
  );
  return new Set([...ofTags, ...fallenChildren(plan).keys()]);
}

/** An image that stays. */
export interface KeptImage {
  readonly repository: Repository;
  readonly digest: Digest;
  /** One of the tags on it. */
  readonly tag: Tag;
  /** How near it is to what was deleted; 0 is nearest. */
  readonly distance: number;
}

/**
 * The images of a repository whose tags all stand for what they did, each once.
 *
 * @param kept the tags that were found so
 */
export function keptImages(
  plan: RepositoryPlan,
  kept: ReadonlySet<Tag>,
  outcomes: Outcomes,
): readonly KeptImage[] {
  const { repository } = plan.ref;
  const deleted = deletedDigests(plan, outcomes);
  const shrunk = new Set(
    plan.tags.flatMap(({ tag, names }) =>
      names && outcomes.isGone(repository, tag) ? names.environment : [],
    ),
  );
  const images = new Map<Digest, KeptImage>();
  for (const planned of plan.tags) {
    const { tag, digest } = planned;
    if (digest === undefined || !kept.has(tag)) continue;
    const distance = distanceOf(planned, { digest, children: plan.indexes[digest] ?? [], deleted, shrunk });
    if (distance < (images.get(digest)?.distance ?? Number.POSITIVE_INFINITY))
      images.set(digest, { repository, digest, tag, distance });
  }
  return [...images.values()];
}

/** A twin or a relative of what was deleted; an environment, a repository that has lost something; anything else. */
function distanceOf(
  { names }: PlannedTag,
  near: {
    readonly digest: Digest;
    readonly children: readonly Digest[];
    readonly deleted: ReadonlySet<Digest>;
    readonly shrunk: ReadonlySet<EnvironmentId>;
  },
): number {
  const { digest, children, deleted, shrunk } = near;
  if (deleted.has(digest) || children.some((child) => deleted.has(child))) return 0;
  // Revisions of an environment share most of their layers.
  if (names !== undefined && shrunk.has(names.environment)) return 1;
  return deleted.size > 0 ? 2 : 3;
}

/**
 * Some of the images: of each repository in turn the one that is nearest to what was deleted. The same every time; among
 * those equally near the digest decides, which is as good as chance.
 */
export function sampleOf(images: readonly KeptImage[], size = SAMPLE_SIZE): readonly KeptImage[] {
  const byNearness = (a: KeptImage, b: KeptImage) =>
    a.distance - b.distance || (a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0);
  const turns = [...Map.groupBy(images, ({ repository }) => repository).values()].flatMap((ofOne) =>
    ofOne.toSorted(byNearness).map((image, turn) => ({ image, turn })),
  );
  return turns
    .toSorted((a, b) => a.turn - b.turn || byNearness(a.image, b.image))
    .slice(0, size)
    .map(({ image }) => image);
}

/** A part of an image that the registry does not have, or has damaged. */
export interface MissingPart {
  readonly digest: Digest;
  /**
   * `unclear`: an index lists it, and by this route it cannot be told whether that is a manifest at all. `damaged`: a
   * manifest whose bytes are not those of its digest, or that cannot be understood.
   */
  readonly kind: 'manifest' | 'blob' | 'unclear' | 'damaged';
}

/** What is wrong with an image; `undefined` when nothing is. */
export function judgeImage(
  { repository, tag, digest }: Pick<KeptImage, 'repository' | 'tag' | 'digest'>,
  missing: readonly MissingPart[],
  deleted: ReadonlySet<Digest>,
): Finding | undefined {
  const isOurs = (part: MissingPart) =>
    (part.kind === 'manifest' || part.kind === 'unclear') && deleted.has(part.digest);
  const known = missing.filter((part) => part.kind !== 'unclear' || isOurs(part));
  const ours = known.find(isOurs);
  const part = ours ?? known[0];
  if (part === undefined) return undefined;
  const verdict = ours === undefined ? 'notWhole' : 'lost';
  const more = known.length > 1 ? ` (and ${known.length - 1} more)` : '';
  const reason = `${part.digest}${more}, which it needs, ${ours === undefined ? FATES[part.kind] : OURS}`;
  return { repository, tag, digest, verdict, reason };
}

const OURS = 'is gone: this run has deleted a tag that stood for it, or an index that listed it';
/** Deleting a manifest takes no blob away, so that a blob's going cannot have been this run. */
const FATES: Readonly<Record<MissingPart['kind'], string>> = {
  manifest: 'is not there; this run did not delete it, and it may never have been pushed',
  unclear: 'is not there',
  blob: 'is not there; this run deletes no layers: it was not there before, or garbage collection has taken it meanwhile',
  damaged: 'cannot be read; this run does not change what manifests say',
};

/** What the check has come to. */
export interface Verification {
  readonly mode: Exclude<VerifyMode, 'none'>;
  /** It was not ended before it was done. */
  readonly isComplete: boolean;
  /** Deleted tags that are gone. */
  readonly gone: number;
  /** Tags that stand for what they did. */
  readonly verified: number;
  /** Images that were looked into, of so many. */
  readonly looked: number;
  readonly images: number;
  /**
   * How the blobs of these were looked for: in the registry; in what it says, where an object store has them, which alone
   * could tell; or not at all, where the route does not let one.
   */
  readonly blobs: 'there' | 'known' | 'notLookedFor';
  readonly findings: readonly Finding[];
}

/** The check in numbers, for the closing object. */
export interface VerifyFigures {
  /** `none`: it was not made, `incomplete`: it was ended before it was done. */
  readonly verify: VerifyMode | 'incomplete';
  readonly verified: number;
  readonly moved: number;
  readonly lost: number;
  readonly stillThere: number;
  /** Images that were looked into. */
  readonly looked: number;
  readonly notWhole: number;
}

export function verifyFigures(verification: Verification | undefined): VerifyFigures {
  const count = (verdict: Finding['verdict']) =>
    verification?.findings.filter((finding) => finding.verdict === verdict).length ?? 0;
  return {
    verify: verification === undefined ? 'none' : verification.isComplete ? verification.mode : 'incomplete',
    verified: verification?.verified ?? 0,
    moved: count('moved'),
    lost: count('lost'),
    stillThere: count('stillThere'),
    looked: verification?.looked ?? 0,
    notWhole: count('notWhole'),
  };
}

/** In a few words: what is as it has to be, then what is not. */
export function tellVerification(verification: Verification): string {
  const { verified, gone, looked, images, blobs } = verification;
  const { moved, lost, stillThere, notWhole } = verifyFigures(verification);
  const which = looked === images ? `${looked}` : `${looked} of ${images}`;
  const caveat = {
    there: '',
    known: ', as far as the registry knows: a store behind it keeps their layers',
    notLookedFor: ', their layers not looked for: that needs another --via',
  }[blobs];
  return [
    `${verified} kept as before`,
    `${gone} gone`,
    ...(looked > 0 ? [`${which} images looked into${caveat}`] : []),
    ...(lost > 0 ? [`${lost} LOST`] : []),
    ...(stillThere > 0 ? [`${stillThere} STILL THERE`] : []),
    ...(moved > 0 ? [`${moved} moved since`] : []),
    ...(notWhole > 0 ? [`${notWhole} not whole`] : []),
  ].join(', ');
}
