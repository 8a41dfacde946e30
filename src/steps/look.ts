/** Looking at what the registry holds. */

import { messageOf, RegistryError } from '../domain/errors.ts';
import type { Manifest } from '../domain/manifest.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { RepositoryContent, RepositoryRef } from '../domain/plan.ts';
import type { Indexes } from '../domain/planned-tag.ts';
import { isMarker, type Ledger } from '../domain/untagging.ts';
import type { Resolution } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import type { Context } from './context.ts';
import { isBroken, retrying } from './retry.ts';

/** Looks under way for each operation at a time: what waits lets the registry adapter look at many tags at once. */
export const IN_FLIGHT = 32;

export type Looker = Pick<Context, 'registry' | 'clock' | 'signal'> & {
  readonly settings: Pick<Context['settings'], 'concurrency'>;
};

/** The tags of a repository; `undefined` when the registry does not know it. */
export async function tagsOf(context: Looker, repository: Repository): Promise<readonly Tag[] | undefined> {
  const listing = await retrying(() => context.registry.listTags(repository), context);
  return listing.state === 'listed' ? listing.tags : undefined;
}

/** What the registry has for a tag or digest at this moment. */
export function lookAt(
  context: Looker,
  repository: Repository,
  reference: Tag | Digest,
  known?: Manifest,
): Promise<Resolution> {
  return retrying(() => context.registry.resolve(repository, reference, known), context);
}

/** The same, where the registry may have something that it cannot read; see `isBroken`. */
export async function lookAtBroken(
  context: Looker,
  repository: Repository,
  reference: Tag | Digest,
): Promise<Resolution | { readonly state: 'broken' }> {
  try {
    return await lookAt(context, repository, reference);
  } catch (error) {
    if (isBroken(error)) return { state: 'broken' };
    throw error;
  }
}

/** The ledgers that stand in a repository, by their markers; none where the registry cannot untie tags. */
export async function ledgersOf(
  context: Looker,
  repository: Repository,
  tags: readonly Tag[],
): Promise<ReadonlyMap<Tag, Ledger>> {
  const { untagging } = context.registry;
  const ledgers = new Map<Tag, Ledger>();
  if (untagging === undefined) return ledgers;
  await concurrently(tags.filter(isMarker), context.settings.concurrency, async (marker) => {
    const ledger = await retrying(() => untagging.readLedger(repository, marker), context).catch(
      // Ended while it was written: nothing was untied before that.
      (error: unknown) => (isBroken(error) ? undefined : Promise.reject(error)),
    );
    if (ledger !== undefined) ledgers.set(marker, ledger);
  });
  return ledgers;
}

/** The tags of a repository as they were found, with the indexes that they stand for. */
interface LookedAt extends Omit<RepositoryContent, 'ref'> {
  readonly untied: ReadonlyMap<Tag, Tag>;
  readonly ledgers: readonly Tag[];
  /** Those of the tags without a digest that stand for something, which cannot be read. */
  readonly unreadable: ReadonlySet<Tag>;
  /** Those of the tags that were not asked for: see `LookRequest.counts`. */
  readonly remembered: ReadonlySet<Tag>;
}

interface LookRequest {
  readonly tags: readonly Tag[];
  /** Called after each tag. */
  readonly onLooked?: () => void;
  /** The tags that this very run has untied: swept away, they are not looked for behind the ledgers. */
  readonly finished?: ReadonlySet<Tag>;
  /** What a tag stood for when it was last looked at; see `Registry.resolve`. */
  readonly known?: (tag: Tag) => Manifest | undefined;
  /**
   * Whether what is known of a tag counts without asking. Never called for one that a ledger names, which a run is
   * about to change. Default: none does
   */
  readonly counts?: (tag: Tag) => boolean;
  /** Told of a tag that could not be looked at; what it throws ends the look. Default: that ends it. */
  readonly onFailed?: (tag: Tag, error: unknown) => Promise<void>;
}

/**
 * Resolves the digest of each tag, and what every image index among them lists. Tags that have gone since they were
 * listed are left out. So are ledgers; a tag that one of them has untied counts with the digest that it had before.
 */
export async function contentOf(
  context: Looker,
  { ref, ...request }: { readonly ref: RepositoryRef } & LookRequest,
): Promise<RepositoryContent> {
  const {
    unreadable: _,
    remembered: __,
    ...found
  } = await lookAtTags(context, { repository: ref.repository, ...request });
  return { ...found, ref, indexes: await withNested(context, ref.repository, found.indexes) };
}

/** The same for any repository, without what indexes list that other indexes list. */
export async function lookAtTags(
  context: Looker,
  given: { readonly repository: Repository } & LookRequest,
): Promise<LookedAt> {
  const { repository, tags, finished, known = () => undefined, counts = () => false } = given;
  const { onFailed = rethrow } = given;
  const ledgers = await ledgersOf(context, repository, tags);
  const noted = new Map(
    [...ledgers].flatMap(([marker, { tags }]) => [...tags.keys()].map((tag) => [tag, marker])),
  );
  // Which tags a ledger names that cannot be read is not known.
  const areNoted = tags.filter(isMarker).every((marker) => ledgers.has(marker));
  const remembered = new Set<Tag>();
  const digests = new Map<Tag, Digest | undefined>();
  const untied = new Map<Tag, Tag>();
  const unreadable = new Set<Tag>();
  const dangling = new Set<Tag>();
  /** Of ledgers that a registry was ended in the middle of deleting. */
  const deadMarkers = new Set<Tag>();
  const indexes: Record<Digest, readonly Digest[]> = {};
  await concurrently(tags, context.settings.concurrency * IN_FLIGHT, async (tag) => {
    if (ledgers.has(tag)) return;
    const manifest = known(tag);
    const isRemembered = manifest !== undefined && areNoted && !noted.has(tag) && counts(tag);
    if (isRemembered) remembered.add(tag);
    const looked = isRemembered
      ? ({ state: 'found', manifest } as const)
      : await lookAt(context, repository, tag, manifest).catch(async (error: unknown) => {
          // Ours: what was about to be untied, or to be noted, when the registry was ended.
          if (isBroken(error) && (noted.has(tag) || (isMarker(tag) && context.registry.untagging)))
            return LOST;
          await onFailed(tag, isBroken(error) ? brokenTag(repository, tag, error) : error);
          return FAILED;
        });
    if (looked.state === 'dangling') dangling.add(tag);
    const marker = noted.get(tag);
    // A registry that was ended in the middle of a sweep has lost the throw-away manifest, and not yet the tags on it.
    const resolution: Resolution =
      looked.state === 'dangling' && marker !== undefined ? { state: 'untied', marker } : looked;
    if (resolution.state === 'found') {
      const { digest, children } = resolution.manifest;
      digests.set(tag, digest);
      if (children.length > 0) indexes[digest] = children;
    } else if (resolution.state === 'untied') {
      digests.set(tag, ledgers.get(resolution.marker)?.tags.get(tag));
      untied.set(tag, resolution.marker);
    } else if (resolution.state === 'dangling' && isMarker(tag) && context.registry.untagging)
      deadMarkers.add(tag);
    else if (resolution.state !== 'gone') digests.set(tag, undefined);
    if (resolution.state === 'unreadable') unreadable.add(tag);
    given.onLooked?.();
  });
  const swept = sweptTags(new Set([...tags, ...(finished ?? [])]), ledgers);
  const before = await lookAtBefore(context, repository, [
    ...[...untied.keys()].flatMap((tag) => digests.get(tag) ?? []),
    ...swept.map(({ digest }) => digest),
  ]);
  for (const { tag, digest, marker } of swept) {
    if (!before.has(digest)) continue;
    digests.set(tag, digest);
    untied.set(tag, marker);
  }
  for (const [digest, children] of before) if (children.length > 0) indexes[digest] = children;
  // In the order of the listing, whatever answered first.
  const ordered = [...tags, ...swept.map(({ tag }) => tag)]
    .filter((tag) => digests.has(tag))
    .map((tag) => [tag, digests.get(tag)] as const);
  return {
    tags: new Map(ordered),
    indexes,
    untied,
    dangling,
    ledgers: [...ledgers.keys(), ...deadMarkers],
    unreadable,
    remembered,
  };
}

const FAILED: Resolution = { state: 'unreadable', reason: 'it could not be looked at' };
const LOST: Resolution = { state: 'dangling', reason: 'the registry cannot read it' };

function brokenTag(repository: Repository, tag: Tag, cause: unknown): RegistryError {
  return new RegistryError(
    `The registry lists ${repository}:${tag}, and cannot read it. ${messageOf(cause)}`,
    {
      failure: 'other',
      next:
        'If it can read other tags, it was ended while this one was pushed, and ends no deletion in this repository well ' +
        `until the tag is pushed again, or its folder (…/_manifests/tags/${tag}) is removed from the storage. Otherwise its log tells why.`,
      cause,
    },
  );
}

async function rethrow(_tag: Tag, error: unknown): Promise<never> {
  throw error;
}

/** Tags that a ledger names and that are no longer there: they were untied, and their manifests may still be there. */
function sweptTags(listed: ReadonlySet<Tag>, ledgers: ReadonlyMap<Tag, Ledger>) {
  const swept = new Map<Tag, { tag: Tag; digest: Digest; marker: Tag }>();
  for (const [marker, ledger] of ledgers)
    for (const [tag, digest] of ledger.tags) if (!listed.has(tag)) swept.set(tag, { tag, digest, marker });
  return [...swept.values()];
}

/** Those of the manifests that are still there, each with what it lists. */
async function lookAtBefore(
  context: Looker,
  repository: Repository,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, readonly Digest[]>> {
  const found = new Map<Digest, readonly Digest[]>();
  await concurrently(new Set(digests), context.settings.concurrency * IN_FLIGHT, async (digest) => {
    const resolution = await lookAt(context, repository, digest);
    if (resolution.state === 'found') found.set(digest, resolution.manifest.children);
  });
  return found;
}

/** Adds the indexes that indexes list. */
export async function withNested(
  context: Looker,
  repository: Repository,
  indexes: Indexes,
): Promise<Indexes> {
  const all: Record<Digest, readonly Digest[]> = { ...indexes };
  const looked = new Set(Object.keys(all) as Digest[]);
  let next = Object.values(all).flat();
  while (next.length > 0) {
    const unseen = [...new Set(next)].filter((digest) => !looked.has(digest));
    next = [];
    await concurrently(unseen, context.settings.concurrency * IN_FLIGHT, async (digest) => {
      looked.add(digest);
      const resolution = await lookAt(context, repository, digest);
      // A platform that was never pushed, or was deleted, has nothing more to protect.
      if (resolution.state === 'gone') return;
      if (resolution.state !== 'found')
        throw new RegistryError(`Cannot read ${repository}@${digest}, which an image index lists.`, {
          failure: 'other',
          next: resolution.state === 'untied' ? 'It is a throw-away manifest.' : resolution.reason,
        });
      const { children } = resolution.manifest;
      if (children.length === 0) return;
      all[digest] = children;
      next.push(...children);
    });
  }
  return all;
}
