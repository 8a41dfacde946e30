/**
 * Which images of the registry something runs, or will run. They are known by the names under which workloads and
 * container runtimes know them, and recognised by their repository: a registry goes by many hosts, and behind a proxy
 * by a path before its own (`proxy.example.com/cache/dominodatalab/environment`). An image of the same name from some
 * other registry counts as ours: then too much is kept.
 */
import { parseImageReference } from './image-reference.ts';
import {
  type Digest,
  type EnvironmentId,
  legacyRepository,
  NEW_REPOSITORY,
  parseEnvironmentId,
  parseNewTag,
  type Repository,
  type Tag,
} from './names.ts';
import type { Permission } from './permissions.ts';
import type { Indexes, PlannedTag } from './planned-tag.ts';

/** An image, by a name as it was found, and what uses it. */
export interface ImageUse {
  readonly image: string;
  /** `Pod domino-compute/run-1`. */
  readonly by: string;
}

/** Where it is not known what is in use, since one may not look there. */
export interface Unseen {
  /** `Pod`, `CronJob`, … */
  readonly kind: string;
  /** Empty: all namespaces. */
  readonly namespace: string;
  /** The API server's words. */
  readonly reason: string;
  /** What would allow it. */
  readonly permission: Permission;
}

/** What is in use of one repository, each with what uses it. */
export interface InUse {
  readonly tags: ReadonlyMap<Tag, string>;
  readonly digests: ReadonlyMap<Digest, string>;
}

/** What is in use, held against the names of our repositories. */
export interface UsedImages {
  readonly repositories: ReadonlyMap<Repository, InUse>;
  /** Images that are known by their digest only: they may be in any repository. */
  readonly anywhere: ReadonlyMap<Digest, string>;
  /** The environments that these images belong to, each with one of its images. */
  readonly environments: ReadonlyMap<EnvironmentId, ImageUse>;
  /** How many names lead to other repositories, or nowhere. */
  readonly others: number;
}

/**
 * Sorts images by our repositories. By a tag the tag is in use, by a digest the digest, by both both. What no container
 * runtime would accept as a name is in nobody's use.
 */
export function usedImages(uses: Iterable<ImageUse>): UsedImages {
  const repositories = new Map<Repository, { tags: Map<Tag, string>; digests: Map<Digest, string> }>();
  const anywhere = new Map<Digest, string>();
  const environments = new Map<EnvironmentId, ImageUse>();
  let others = 0;
  for (const use of uses) {
    const reference = parseImageReference(use.image);
    const { tag, digest } = reference ?? {};
    const own = reference?.repository === undefined ? undefined : ownRepository(reference.repository);
    if (own === undefined) {
      if (digest !== undefined && reference?.repository === undefined) addFirst(anywhere, digest, use.by);
      else others += 1;
      continue;
    }
    const found = repositories.get(own.repository) ?? { tags: new Map(), digests: new Map() };
    repositories.set(own.repository, found);
    if (tag !== undefined) addFirst(found.tags, tag, use.by);
    if (digest !== undefined) addFirst(found.digests, digest, use.by);
    const environment = own.environment ?? (tag && parseNewTag(tag)?.environment);
    if (environment !== undefined) addFirst(environments, environment, use);
  }
  return { repositories, anywhere, environments, others };
}

/** What is in use of a repository. */
export function inUseOf({ repositories, anywhere }: UsedImages, repository: Repository): InUse {
  const { tags = new Map(), digests = new Map() } = repositories.get(repository) ?? {};
  return { tags, digests: new Map([...anywhere, ...digests]) };
}

/**
 * The tags and digests of a repository that must stay for what is in use, each with what uses it. An index that lists an
 * image in use is in use as well, at any depth: once it is gone nothing but a digest leads to that image.
 */
export function neededInUse(inUse: InUse, indexes: Indexes): ReadonlyMap<Tag | Digest, string> {
  const needed = new Map<Tag | Digest, string>([...inUse.tags, ...inUse.digests]);
  if (inUse.digests.size === 0) return needed;
  const parents = parentsOf(indexes);
  // Not recursive: how deep indexes are nested is up to the registry. The list grows while it is gone through.
  const used = [...inUse.digests];
  for (const [digest, by] of used)
    for (const parent of parents.get(digest) ?? []) {
      if (needed.has(parent)) continue;
      needed.set(parent, by);
      used.push([parent, by]);
    }
  return needed;
}

/** The indexes that list a digest, by the digest. */
function parentsOf(indexes: Indexes): ReadonlyMap<Digest, readonly Digest[]> {
  const parents = new Map<Digest, Digest[]>();
  for (const [index, children] of Object.entries(indexes) as [Digest, readonly Digest[]][])
    for (const child of children) {
      const known = parents.get(child);
      if (known === undefined) parents.set(child, [index]);
      else known.push(index);
    }
  return parents;
}

/** An environment that something runs, and with one of its images what that is. */
export interface EmptiedEnvironment extends ImageUse {
  readonly environment: EnvironmentId;
}

/**
 * The environments that something runs and of which the plans would leave no image: what runs is a revision that these
 * repositories do not have, or no longer under this tag, and all that they do have is to be deleted.
 */
export function emptiedInUse(
  plans: Iterable<{ readonly tags: readonly PlannedTag[] }>,
  { environments }: UsedImages,
): readonly EmptiedEnvironment[] {
  const doomed = new Set<EnvironmentId>();
  const remaining = new Set<EnvironmentId>();
  for (const { tags } of plans)
    for (const { names, fate, digest } of tags) {
      if (names === undefined) continue;
      if (fate === 'delete') doomed.add(names.environment);
      else if (digest !== undefined) remaining.add(names.environment);
    }
  return [...environments]
    .filter(([environment]) => doomed.has(environment) && !remaining.has(environment))
    .map(([environment, use]) => ({ environment, ...use }));
}

/** The repository of ours that a path leads to: it is the path, or the path's end after a `/`. */
function ownRepository(
  path: Repository,
): { repository: Repository; environment: EnvironmentId | undefined } | undefined {
  if (`/${path}`.endsWith(`/${NEW_REPOSITORY}`))
    return { repository: NEW_REPOSITORY, environment: undefined };
  const id = /(?:^|\/)domino-([0-9a-f]{24})$/.exec(path)?.[1];
  const environment = id === undefined ? undefined : parseEnvironmentId(id);
  return environment && { repository: legacyRepository(environment), environment };
}

function addFirst<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  if (!map.has(key)) map.set(key, value);
}
