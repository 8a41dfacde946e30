/**
 * Random registries, files and changes. Names come from small pools, so that twins, shared children, strikes and
 * moves really happen. Index graphs may have circles: hashing makes them impossible, but the registry is not ours.
 */

import fc from 'fast-check';
import type { EnvironmentEntry } from '../../src/domain/environments.ts';
import type { InUse } from '../../src/domain/in-use.ts';
import { type Digest, type EnvironmentId, parseRevision, type Tag } from '../../src/domain/names.ts';
import {
  legacyRef,
  NEW_REPOSITORY_REF,
  type RepositoryContent,
  type RepositoryRef,
} from '../../src/domain/plan.ts';
import type { Indexes } from '../../src/domain/planned-tag.ts';
import { A, B, C, digest, tag } from './builders.ts';
import { closure } from './registry-model.ts';

const environments = [A, B, C];
const revisions = ['1', '2', '3', '4', '5', '11'];
const suffixes = [...revisions, '007', '0', '1-debug', 'buildcache'];
const digests = Array.from({ length: 10 }, (_, n) => digest(`d${n}`));

/** What is where, and what happens to it between the plan and its execution. */
export interface Story {
  readonly content: RepositoryContent;
  readonly file: readonly EnvironmentEntry[];
  readonly struck: ReadonlySet<Tag>;
  /** The file as it is later. */
  readonly laterFile: readonly EnvironmentEntry[];
  /** What the tags stand for later, new ones included; a tag that is not there is gone. */
  readonly later: Pick<RepositoryContent, 'tags' | 'indexes'>;
  /** What is in use of the repository, of which it need not have everything. */
  readonly inUse: InUse;
  readonly laterInUse: InUse;
  /** What every index lists, also those that nothing refers to. */
  readonly graph: Indexes;
}

const anyDigest = fc.option(fc.constantFrom(...digests), { nil: undefined, freq: 8 });

const anyGraph: fc.Arbitrary<Indexes> = fc
  .dictionary(fc.constantFrom(...digests), fc.array(fc.constantFrom(...digests), { maxLength: 3 }), {
    maxKeys: 5,
  })
  .map((graph) => graph as Indexes);

const anyFile: fc.Arbitrary<readonly EnvironmentEntry[]> = fc
  .subarray(environments)
  .chain((named) =>
    fc.tuple(...named.map((id: EnvironmentId) => fc.subarray(revisions).map((retain) => ({ id, retain })))),
  )
  .map((entries) =>
    entries.map(({ id, retain }, index) => ({
      id,
      retain: retain.flatMap((text) => parseRevision(text) ?? []),
      line: index + 1,
    })),
  );

function namesOf({ scheme }: RepositoryRef): string[] {
  const names =
    scheme === 'legacy'
      ? suffixes
      : ['buildcache', ...environments.flatMap((id) => suffixes.map((suffix) => `${id}-${suffix}`))];
  const referrers = digests.slice(0, 4).map((subject) => `${subject.replace(':', '-')}.sig`);
  return [...names, ...referrers];
}

/** Little, so that most of what is doomed still goes. */
function anyInUse(ref: RepositoryRef): fc.Arbitrary<InUse> {
  return fc
    .tuple(
      fc.array(fc.constantFrom(...namesOf(ref)), { maxLength: 2 }),
      fc.array(fc.constantFrom(...digests), { maxLength: 1 }),
    )
    .map(([tags, used]) => ({
      tags: new Map(tags.map((name) => [tag(name), 'Pod n/p'])),
      digests: new Map(used.map((image) => [image, 'Pod n/p'])),
    }));
}

function anyTags(ref: RepositoryRef): fc.Arbitrary<Map<Tag, Digest | undefined>> {
  return fc
    .uniqueArray(fc.tuple(fc.constantFrom(...namesOf(ref)), anyDigest), {
      selector: ([name]) => name,
      maxLength: 14,
    })
    .map((pairs) => new Map(pairs.map(([name, image]) => [tag(name), image])));
}

/** Those of the graph's indexes that somebody who looks at these tags gets to see. */
function seenFrom(tags: ReadonlyMap<Tag, Digest | undefined>, graph: Indexes): Indexes {
  const reached = closure(tags.values(), graph);
  const seen = Object.entries(graph) as [Digest, readonly Digest[]][];
  return Object.fromEntries(seen.filter(([index]) => reached.has(index)));
}

export const anyStory: fc.Arbitrary<Story> = fc.constantFrom(NEW_REPOSITORY_REF, legacyRef(A)).chain((ref) =>
  fc
    .record({
      graph: anyGraph,
      tags: anyTags(ref),
      changes: anyTags(ref),
      gone: fc.infiniteStream(fc.nat({ max: 9 })),
      struck: fc.infiniteStream(fc.nat({ max: 9 })),
      file: anyFile,
      laterFile: anyFile,
      inUse: anyInUse(ref),
      laterInUse: anyInUse(ref),
    })
    .map(({ graph, tags, changes, gone, struck, file, laterFile, inUse, laterInUse }) => {
      const sometimes = (dice: Iterator<number>) => () => dice.next().value === 0;
      const stay = [...tags].filter(() => !sometimes(gone)());
      const later = new Map([...stay, ...changes]);
      return {
        content: { ref, tags, indexes: seenFrom(tags, graph) },
        file,
        struck: new Set([...tags.keys()].filter(sometimes(struck))),
        laterFile,
        inUse,
        laterInUse,
        later: { tags: later, indexes: seenFrom(later, graph) },
        graph,
      };
    }),
);
