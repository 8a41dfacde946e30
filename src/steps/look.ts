/** Looking at what the registry holds. */

import { RegistryError } from '../domain/errors.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { RepositoryContent, RepositoryRef } from '../domain/plan.ts';
import type { Indexes } from '../domain/planned-tag.ts';
import type { Resolution } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import type { Context } from './context.ts';
import { retrying } from './retry.ts';

/** Looks under way for each operation at a time: what waits lets the registry adapter look at many tags at once. */
const IN_FLIGHT = 32;

type Looker = Pick<Context, 'registry' | 'clock' | 'signal' | 'settings'>;

/** The tags of a repository; `undefined` when the registry does not know it. */
export async function tagsOf(context: Looker, repository: Repository): Promise<readonly Tag[] | undefined> {
  const listing = await retrying(() => context.registry.listTags(repository), context);
  return listing.state === 'listed' ? listing.tags : undefined;
}

/** What the registry has for a tag or digest at this moment. */
function lookAt(context: Looker, repository: Repository, reference: Tag | Digest): Promise<Resolution> {
  return retrying(() => context.registry.resolve(repository, reference), context);
}

/**
 * Resolves the digest of each tag, and what every image index among them lists. Tags that have gone since they were
 * listed are left out.
 *
 * @param onLooked is called after each tag
 */
export async function contentOf(
  context: Looker,
  given: { ref: RepositoryRef; tags: readonly Tag[]; onLooked?: () => void },
): Promise<RepositoryContent> {
  const { ref, tags } = given;
  const digests = new Map<Tag, Digest | undefined>();
  const indexes: Record<Digest, readonly Digest[]> = {};
  await concurrently(tags, context.settings.concurrency * IN_FLIGHT, async (tag) => {
    const resolution = await lookAt(context, ref.repository, tag);
    if (resolution.state === 'found') {
      const { digest, children } = resolution.manifest;
      digests.set(tag, digest);
      if (children.length > 0) indexes[digest] = children;
    } else if (resolution.state !== 'gone') digests.set(tag, undefined);
    given.onLooked?.();
  });
  // In the order of the listing, whatever answered first.
  const ordered = tags.filter((tag) => digests.has(tag)).map((tag) => [tag, digests.get(tag)] as const);
  return { ref, tags: new Map(ordered), indexes: await withNested(context, ref.repository, indexes) };
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
          next: resolution.reason,
        });
      const { children } = resolution.manifest;
      if (children.length === 0) return;
      all[digest] = children;
      next.push(...children);
    });
  }
  return all;
}
