/**
 * A registry as far as it matters to a plan: deleting a manifest removes every tag on it (distribution issue 1566).
 * A deletion that leaves the manifest takes away its own tags only.
 */

import type { Digest, Tag } from '../../src/domain/names.ts';
import type { Deletion } from '../../src/domain/plan.ts';
import type { Indexes } from '../../src/domain/planned-tag.ts';

export interface RegistryModel {
  readonly tags: ReadonlyMap<Tag, Digest | undefined>;
  readonly deleted: ReadonlySet<Digest>;
}

/** What is left after the deletions. */
export function execute(
  tags: ReadonlyMap<Tag, Digest | undefined>,
  deletions: readonly Deletion[],
): RegistryModel {
  const spare = deletions.filter(({ manifestStays }) => manifestStays !== undefined);
  const untied = new Set(spare.flatMap((deletion) => deletion.tags));
  const deleted = new Set(
    deletions.filter((deletion) => !spare.includes(deletion)).map((deletion) => deletion.digest),
  );
  const left = [...tags].filter(
    ([tag, digest]) => !untied.has(tag) && (digest === undefined || !deleted.has(digest)),
  );
  return { tags: new Map(left), deleted };
}

/** The digests without which these cannot be pulled: themselves, and what they list, over any number of levels. */
export function closure(digests: Iterable<Digest | undefined>, indexes: Indexes): ReadonlySet<Digest> {
  const reached = new Set([...digests].filter((digest) => digest !== undefined));
  // A set that grows while it is iterated is iterated to its end.
  for (const digest of reached) for (const child of indexes[digest] ?? []) reached.add(child);
  return reached;
}
