/** How much each environment takes in the registry, and what keeping only its newest revisions would bring. */
import {
  type Digest,
  type EnvironmentId,
  NEW_REPOSITORY,
  parseEnvironmentId,
  type Repository,
  type Tag,
} from './names.ts';
import { legacyRef, NEW_REPOSITORY_REF, type RepositoryRef, readRevision } from './plan.ts';
import type { Remembered } from './remembered.ts';
import type { ManifestPlace, Space } from './space.ts';
import type { TagGraph } from './tag-graph.ts';

/** A repository as it was found. */
export interface FoundRepository {
  readonly repository: Repository;
  /** The tags that have a manifest, each with its digest. */
  readonly tags: ReadonlyMap<Tag, Digest>;
  readonly graph: TagGraph;
}

export interface EnvironmentSpace {
  readonly environment: EnvironmentId;
  /** The numbers of its revisions, the newest first; one that both naming schemes have is there once. */
  readonly revisions: readonly number[];
  /** What its revisions take, in bytes. */
  readonly bytes: number;
  /** Of that, what nothing but they need: what would be freed if all of them went. */
  readonly ownBytes: number;
  /** What would be freed if only the newest were kept. */
  readonly gainBytes: number;
}

export interface Survey {
  /** The most gain first. */
  readonly environments: readonly EnvironmentSpace[];
  /** What the whole registry takes, as far as it could be read. */
  readonly bytes: number;
  /** What would be freed if only the newest were kept of every environment: more than the sum where they share layers. */
  readonly gainBytes: number;
}

/** What a scan tells. */
export interface ScanReport extends Survey {
  /** ISO 8601. */
  readonly at: string;
  readonly registry: string;
  /** The kubeconfig context's name. */
  readonly context: string;
  readonly keepLast: number;
  /** How many repositories were read, and how many of them are not Domino's. */
  readonly repositories: number;
  readonly foreign: number;
  /** How many manifests were read; one in two repositories counts twice. */
  readonly manifests: number;
  /** `repository:tag` or `repository@digest` of what could not be read: with any, the figures are incomplete. */
  readonly unread: readonly string[];
  /** Which revisions were not asked for again; left out when all were. */
  readonly remembered?: Remembered;
  /** The environments file that was written. */
  readonly file?: string;
}

/** Which naming scheme a repository follows; `undefined` for one that is not Domino's. */
export function refOf(repository: Repository): RepositoryRef | undefined {
  if (repository === NEW_REPOSITORY) return NEW_REPOSITORY_REF;
  const [, text = ''] = /^domino-(.*)$/.exec(repository) ?? [];
  const environment = parseEnvironmentId(text);
  return environment === undefined ? undefined : legacyRef(environment);
}

/** A revision's tag. */
interface RevisionTag {
  readonly found: FoundRepository;
  readonly tag: Tag;
  readonly revision: number;
}

/** @param keepLast how many of the newest revisions of each environment are to be kept */
export function survey(
  repositories: readonly FoundRepository[],
  { space, keepLast }: { readonly space: Space; readonly keepLast: number },
): Survey {
  const everything: RevisionTag[] = [];
  const environments = [...revisionTags(repositories)].map(([environment, tags]): EnvironmentSpace => {
    const revisions = [...new Set(tags.map(({ revision }) => revision))].sort((a, b) => b - a);
    const kept = new Set(revisions.slice(0, keepLast));
    const going = tags.filter(({ revision }) => !kept.has(revision));
    everything.push(...going);
    return {
      environment,
      revisions,
      bytes: space.bytesOf(places(tags, (graph, of) => graph.reached(of))),
      ownBytes: space.freedBy(places(tags, (graph, of) => graph.fallingWith(of))),
      gainBytes: space.freedBy(places(going, (graph, of) => graph.fallingWith(of))),
    };
  });
  return {
    environments: environments.sort(
      (a, b) =>
        b.gainBytes - a.gainBytes || b.ownBytes - a.ownBytes || (a.environment < b.environment ? -1 : 1),
    ),
    bytes: space.bytes,
    gainBytes: space.freedBy(places(everything, (graph, of) => graph.fallingWith(of))),
  };
}

function revisionTags(
  repositories: readonly FoundRepository[],
): ReadonlyMap<EnvironmentId, readonly RevisionTag[]> {
  const byEnvironment = new Map<EnvironmentId, RevisionTag[]>();
  for (const found of repositories) {
    const ref = refOf(found.repository);
    if (ref === undefined) continue;
    for (const tag of found.tags.keys()) {
      const names = readRevision(ref, tag);
      if (names === undefined) continue;
      const tags = byEnvironment.get(names.environment) ?? [];
      byEnvironment.set(names.environment, tags);
      tags.push({ found, tag, revision: names.revision });
    }
  }
  return byEnvironment;
}

/** What some tags come to, repository by repository. */
function places(
  tags: readonly RevisionTag[],
  select: (graph: TagGraph, tags: readonly Tag[]) => Iterable<ManifestPlace['digest']>,
): readonly ManifestPlace[] {
  return [...Map.groupBy(tags, ({ found }) => found)].flatMap(([{ repository, graph }, ofOne]) => {
    const digests = select(
      graph,
      ofOne.map(({ tag }) => tag),
    );
    return [...digests].map((digest) => ({ repository, digest }));
  });
}
