/**
 * The plan: for every tag of every repository concerned, what happens to it and why. Made by pure functions from
 * what the registry holds and what the environments file says. The review shows it, the lists on disk are a view
 * of it, and deleting executes it: nothing is deleted that is not in it.
 */
import type { EnvironmentEntry } from './environments.ts';
import type { InUse } from './in-use.ts';
import {
  type Digest,
  type EnvironmentId,
  legacyRepository,
  NEW_REPOSITORY,
  parseLegacyTag,
  parseNewTag,
  type Repository,
  type RevisionName,
  type Tag,
} from './names.ts';
import type { Fate, Indexes, PlannedTag } from './planned-tag.ts';
import { type Needed, neededBy, type Policy } from './protection.ts';
import { fallingDigests, protectAndFollow } from './referrers.ts';
import { whyRetained } from './retention.ts';

/** Which repository, and which of the two naming schemes its tags follow. */
export type RepositoryRef =
  | { readonly scheme: 'new'; readonly repository: Repository }
  | { readonly scheme: 'legacy'; readonly repository: Repository; readonly environment: EnvironmentId };

/** What the registry holds in one repository. */
export interface RepositoryContent {
  readonly ref: RepositoryRef;
  /** Every tag with the digest that it stands for; `undefined` where the registry has no manifest for it. */
  readonly tags: ReadonlyMap<Tag, Digest | undefined>;
  readonly indexes: Indexes;
  /**
   * The tags that an unfinished run has untied, each with the marker of the ledger. Their digests above are those that
   * the ledger names.
   */
  readonly untied?: ReadonlyMap<Tag, Tag>;
  /** The tags that the registry lists without a manifest. */
  readonly dangling?: ReadonlySet<Tag>;
  /** The markers of all ledgers in the repository. They are not among the tags. */
  readonly ledgers?: readonly Tag[];
}

/** The plan for one repository. Digests and indexes belong to a repository, so repositories are independent. */
export interface RepositoryPlan {
  readonly ref: RepositoryRef;
  /** `false` when the registry does not know the repository; it then has no tags. */
  readonly exists: boolean;
  readonly tags: readonly PlannedTag[];
  readonly indexes: Indexes;
  /** Made for a registry and a route that can untie tags. */
  readonly unties: boolean;
  /** The markers of the ledgers that unfinished runs have left; deleting finishes or takes back what they began. */
  readonly ledgers: readonly Tag[];
}

const NO_REVISION = 'not the tag of a revision';

export const NEW_REPOSITORY_REF: RepositoryRef = { scheme: 'new', repository: NEW_REPOSITORY };

export function legacyRef(environment: EnvironmentId): RepositoryRef {
  return { scheme: 'legacy', repository: legacyRepository(environment), environment };
}

/** The plan for a repository that the registry does not know. */
export function planMissingRepository(ref: RepositoryRef): RepositoryPlan {
  return { ref, exists: false, tags: [], indexes: {}, unties: false, ledgers: [] };
}

/** Decides every tag's fate: first by the file, then by the rules of protection. */
export function planRepository(
  content: RepositoryContent,
  environments: readonly EnvironmentEntry[],
  policy: Policy = {},
): RepositoryPlan {
  const file = entriesById(environments);
  const tags = [...content.tags].map(([tag, digest]) =>
    withMarker(judge({ tag, digest, ref: content.ref, file }), content.untied?.get(tag)),
  );
  return {
    ref: content.ref,
    exists: true,
    tags: protectAndFollow(tags, { indexes: content.indexes, policy }),
    indexes: content.indexes,
    unties: policy.unties ?? false,
    ledgers: content.ledgers ?? [],
  };
}

/** What the tag names, if it is a revision's tag under the repository's naming scheme. */
export function readRevision(ref: RepositoryRef, tag: Tag): RevisionName | undefined {
  return ref.scheme === 'new' ? parseNewTag(tag) : parseLegacyTag(tag, ref.environment);
}

/** The file's entries by their environments. */
type EntriesById = ReadonlyMap<EnvironmentId, EnvironmentEntry>;

function entriesById(entries: readonly EnvironmentEntry[]): EntriesById {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

function judge(given: {
  tag: Tag;
  digest: Digest | undefined;
  ref: RepositoryRef;
  file: EntriesById;
}): PlannedTag {
  const { tag, digest } = given;
  const names = readRevision(given.ref, tag);
  if (names === undefined) return { tag, digest, fate: 'unrecognised', reason: NO_REVISION };
  const entry = given.file.get(names.environment);
  if (entry === undefined)
    return { tag, digest, names, fate: 'other', reason: 'environment is not in the file' };
  const why = whyRetained(entry, names.revision);
  if (why !== undefined) return { tag, digest, names, fate: 'retain', reason: why };
  return { tag, digest, names, fate: 'delete', reason: 'not named in the file' };
}

function withMarker(planned: PlannedTag, marker: Tag | undefined): PlannedTag {
  if (planned.untiedBy === marker) return planned;
  const { untiedBy: _, ...rest } = planned;
  return marker === undefined ? rest : { ...rest, untiedBy: marker };
}

/** Changes that may come after a plan was frozen. Each of them can only make the set of deletions smaller. */
export interface Revision {
  /** Tags that the reviewer struck from the list. */
  readonly struck?: ReadonlySet<Tag>;
  /**
   * The file's present entries: a revision that is newly retained stays, and an environment that is no longer in the
   * file is left alone.
   */
  readonly environments?: readonly EnvironmentEntry[];
  /** What the repository holds now: every tag that is not to be deleted, every new one, and any others. */
  readonly live?: Pick<RepositoryContent, 'tags' | 'indexes' | 'untied' | 'ledgers'>;
  /** `false`: the run goes on over a route that cannot untie tags. */
  readonly unties?: boolean;
  /** What is in use of the repository now. */
  readonly inUse?: InUse | undefined;
}

/**
 * A plan after review, after a change of the file, or after a second look at the registry: tags are kept that were
 * doomed, never the other way round, and whatever the kept ones need is protected.
 */
export function revisePlan(
  plan: RepositoryPlan,
  revision: Revision,
  { rules }: Pick<Policy, 'rules'> = {},
): RepositoryPlan {
  const file = entriesById(revision.environments ?? []);
  const followed = new Set(
    plan.tags.flatMap(({ fate, subject, tag }) => (fate === 'delete' && subject ? tag : [])),
  );
  const tags = plan.tags.map((planned): PlannedTag => {
    const judged = planned.fate === 'delete' ? reconsider(planned, revision, file) : planned;
    // Whether it still goes with its subject is seen when it is known whether that goes.
    if (judged.fate === 'delete' && followed.has(judged.tag)) return unfollowed(judged);
    // A doomed tag keeps the digest that it was doomed with: whether it has moved is seen when its turn comes.
    const live = judged.fate === 'delete' ? undefined : revision.live?.tags.get(judged.tag);
    const now = live === undefined ? judged : { ...judged, digest: live };
    return revision.live === undefined ? now : withMarker(now, revision.live.untied?.get(judged.tag));
  });
  const known = new Set(plan.tags.map((planned) => planned.tag));
  for (const [tag, digest] of revision.live?.tags ?? []) {
    if (known.has(tag)) continue;
    const pushed: PlannedTag = { tag, digest, fate: 'other', reason: 'pushed since the plan was made' };
    tags.push(withMarker(pushed, revision.live?.untied?.get(tag)));
  }
  const indexes = { ...plan.indexes, ...revision.live?.indexes };
  const unties = plan.unties && revision.unties !== false;
  const ledgers = revision.live?.ledgers ?? plan.ledgers;
  const revised: RepositoryPlan = {
    ...plan,
    tags: protectAndFollow(tags, {
      indexes,
      policy: { ...(rules ? { rules } : {}), unties, inUse: revision.inUse },
      mayGo: (tag) => followed.has(tag),
    }),
    indexes,
    unties,
    ledgers,
  };
  // A tag that is protected only now may have moved as well: then it needs what it stands for now.
  return revision.live && hasMovedKeeper(revised, revision.live.tags)
    ? revisePlan(revised, { live: revision.live, inUse: revision.inUse }, rules ? { rules } : {})
    : revised;
}

function unfollowed({ subject: _, manifestStays: __, ...planned }: PlannedTag): PlannedTag {
  return { ...planned, fate: 'unrecognised', reason: NO_REVISION };
}

function hasMovedKeeper({ tags }: RepositoryPlan, live: RepositoryContent['tags']): boolean {
  return tags.some(({ tag, digest, fate }) => fate !== 'delete' && (live.get(tag) ?? digest) !== digest);
}

/** A doomed tag in the light of the review, and of the file as it is now. */
function reconsider(planned: PlannedTag, { struck, environments }: Revision, file: EntriesById): PlannedTag {
  if (struck?.has(planned.tag))
    return { ...planned, fate: 'struck', reason: 'struck from the list in review' };
  if (environments === undefined || planned.names === undefined) return planned;
  const entry = file.get(planned.names.environment);
  if (entry === undefined)
    return { ...planned, fate: 'other', reason: 'environment is no longer in the file' };
  const why = whyRetained(entry, planned.names.revision);
  if (why === undefined) return planned;
  return { ...planned, fate: 'retain', reason: `${why} since the plan was made` };
}

/** One manifest to delete, with all doomed tags on it. */
export interface Deletion {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly tags: readonly Tag[];
  /** Only the tags go: why the manifest stays. */
  readonly manifestStays?: string;
}

/** What is to be deleted of a repository: once for each digest, in the plan's order. */
export function deletionsOf(plan: RepositoryPlan): readonly Deletion[] {
  const { repository } = plan.ref;
  const doomed = plan.tags.filter((planned) => planned.fate === 'delete' && planned.digest !== undefined);
  return [...Map.groupBy(doomed, ({ digest }) => digest as Digest)].map(([digest, planned]) => {
    const manifestStays = planned.find((each) => each.manifestStays !== undefined)?.manifestStays;
    const tags = planned.map(({ tag }) => tag);
    return { repository, digest, tags, ...(manifestStays === undefined ? {} : { manifestStays }) };
  });
}

/**
 * The manifests without a tag that go with doomed indexes, each with all the indexes that list it: it may go when these
 * have gone.
 */
export function fallenChildren({ tags, indexes }: RepositoryPlan): ReadonlyMap<Digest, ReadonlySet<Digest>> {
  const tagged = new Set(tags.map(({ digest }) => digest));
  const falling = fallingDigests(tags, indexes);
  const parents = new Map<Digest, Set<Digest>>();
  for (const parent of falling)
    for (const child of indexes[parent] ?? [])
      if (falling.has(child) && !tagged.has(child))
        parents.set(child, (parents.get(child) ?? new Set()).add(parent));
  return parents;
}

/** The manifests that something kept needs, each with the kept tag. */
export function neededDigests({ tags, indexes }: RepositoryPlan): Needed {
  return neededBy(tags, indexes);
}

/** The doomed tags of a repository, in the plan's order. */
export function doomedTags(plan: RepositoryPlan): readonly Tag[] {
  return plan.tags.filter((planned) => planned.fate === 'delete').map((planned) => planned.tag);
}

/** The revisions that the plans know of, whatever happens to them. */
export function plannedRevisions(plans: Iterable<RepositoryPlan>): readonly RevisionName[] {
  return [...plans].flatMap(({ tags }) => tags.flatMap(({ names }) => names ?? []));
}

/** How many tags have each fate, over all repositories. */
export function countFates(plans: readonly RepositoryPlan[]): Record<Fate, number> {
  const counts: Record<Fate, number> = {
    delete: 0,
    retain: 0,
    protect: 0,
    struck: 0,
    unrecognised: 0,
    other: 0,
  };
  for (const plan of plans) for (const { fate } of plan.tags) counts[fate] += 1;
  return counts;
}

/** A revision that the file retains and that is found nowhere: most likely a typing error. */
export interface AbsentRevision extends RevisionName {
  /** Line of the environments file. */
  readonly line: number;
}

/** Which retained revisions are none of `existing`. */
export function absentRevisions(
  environments: readonly EnvironmentEntry[],
  existing: Iterable<RevisionName>,
): readonly AbsentRevision[] {
  const found = new Set([...existing].map(({ environment, revision }) => `${environment}-${revision}`));
  return environments.flatMap(({ id, retain, line }) =>
    retain
      .filter((revision) => !found.has(`${id}-${revision}`))
      .map((revision) => ({ environment: id, revision, line })),
  );
}
