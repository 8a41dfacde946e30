/**
 * What must be left, worked out from the requirements alone, without the program's own code: what the file retains,
 * what is not a revision's tag, what belongs to other environments, and whatever manifests these need.
 */
import type { RegistryView, RepositoryView } from './registry-view.ts';

export interface Judgement {
  /** `repository:tag digest`, sorted: everything that must be left. */
  readonly left: readonly string[];
  /** `repository:tag`, sorted: everything that must go. */
  readonly doomed: readonly string[];
  /**
   * `repository@digest`: the manifests that must go, with what they list. Twins are one; what a tag or an index still
   * needs stays.
   */
  readonly doomedManifests: readonly string[];
  readonly counts: {
    readonly retained: number;
    readonly protected: number;
    readonly unrecognised: number;
    readonly struck: number;
  };
}

export interface Circumstances {
  /** The environments file's text, without comments. */
  readonly environments: string;
  /**
   * Tags can be taken off manifests that stay. Otherwise a tag only goes with its manifest, and so has to stay where
   * something else needs that.
   */
  readonly unties: boolean;
  readonly only?: 'new' | 'legacy';
  /**
   * Somebody has begun anew who does not know what a killed run was about to delete: what a doomed index listed, and no
   * tag stands for, cannot be found once that index is gone. It may stay.
   */
  readonly mayLeaveOrphans?: boolean;
  /** `repository:tag`: struck from the lists in review. */
  readonly struck?: readonly string[];
  /** `repository:tag`: what something runs, by its tag, or by the digest that the tag stands for. */
  readonly inUse?: readonly string[];
}

type Verdict = 'doomed' | 'retained' | 'unrecognised' | 'struck' | 'other' | 'in use';

/** Judges every tag of the registry. */
export function judge(registry: RegistryView, circumstances: Circumstances): Judgement {
  const retained = readEnvironments(circumstances.environments);
  const counts = { retained: 0, protected: 0, unrecognised: 0, struck: 0 };
  const inUse = new Set(circumstances.inUse);
  const left: string[] = [];
  const doomed: string[] = [];
  const manifests = new Set<string>();
  for (const [repository, view] of registry) {
    const isConcerned = concerns(repository, retained, circumstances.only);
    const verdicts = new Map(
      [...view.tags.keys()].map((tag) => {
        const isStruck = circumstances.struck?.includes(`${repository}:${tag}`) ?? false;
        const verdict = isConcerned ? judgeTag({ repository, tag, retained, isStruck }) : 'other';
        return [tag, verdict === 'doomed' && inUse.has(`${repository}:${tag}`) ? 'in use' : verdict];
      }),
    );
    if (isConcerned) doomReferrers(view, verdicts);
    const needed = closure(view, (tag) => verdicts.get(tag) !== 'doomed');
    const tagged = new Set(view.tags.values());
    for (const digest of closure(view, (tag) => verdicts.get(tag) === 'doomed')) {
      const mayStay = needed.has(digest) || (circumstances.mayLeaveOrphans && !tagged.has(digest));
      if (!mayStay) manifests.add(`${repository}@${digest}`);
    }
    for (const [tag, digest] of view.tags) {
      const verdict = verdicts.get(tag) ?? 'other';
      const isProtected = verdict === 'doomed' && needed.has(digest) && !circumstances.unties;
      if (isConcerned && (isProtected || verdict === 'in use')) counts.protected += 1;
      if (isConcerned && verdict !== 'doomed' && verdict !== 'other' && verdict !== 'in use')
        counts[verdict] += 1;
      if (verdict === 'doomed' && !isProtected) doomed.push(`${repository}:${tag}`);
      else left.push(`${repository}:${tag} ${digest}`);
    }
  }
  return { left: left.sort(), doomed: doomed.sort(), doomedManifests: [...manifests], counts };
}

/** What a registry holds, in the form of {@link Judgement.left}. */
export function contentOf(registry: RegistryView): string[] {
  return [...registry]
    .flatMap(([repository, { tags }]) => [...tags].map(([tag, digest]) => `${repository}:${tag} ${digest}`))
    .sort();
}

/** `repository@digest` of whatever the tags that must be left need and had before, but no longer have. */
export function lostManifests(given: {
  readonly before: RegistryView;
  readonly left: readonly string[];
  readonly after: RegistryView;
}): string[] {
  const { before, left, after } = given;
  return [...before].flatMap(([repository, view]) => {
    const kept = new Set(left);
    const has = after.get(repository)?.manifests;
    return [...closure(view, (tag, digest) => kept.has(`${repository}:${tag} ${digest}`))]
      .filter((digest) => view.manifests.has(digest) && !has?.has(digest))
      .map((digest) => `${repository}@${digest}`);
  });
}

function readEnvironments(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  return new Map(lines.filter(([id]) => id !== '').map(([id = '', ...revisions]) => [id, revisions]));
}

function concerns(
  repository: string,
  retained: ReadonlyMap<string, unknown>,
  only: 'new' | 'legacy' | undefined,
): boolean {
  if (repository === 'dominodatalab/environment') return only !== 'legacy';
  return repository.startsWith('domino-') && retained.has(repository.slice(7)) && only !== 'new';
}

function judgeTag(given: {
  repository: string;
  tag: string;
  retained: ReadonlyMap<string, readonly string[]>;
  isStruck: boolean;
}): Verdict {
  const { repository, tag, retained } = given;
  const legacy = /^domino-([0-9a-f]{24})$/.exec(repository)?.[1];
  const [, environment, revision] =
    legacy === undefined
      ? (/^([0-9a-f]{24})-([1-9][0-9]*)$/.exec(tag) ?? [])
      : ['', legacy, /^[1-9][0-9]*$/.exec(tag)?.[0]];
  if (environment === undefined || revision === undefined) return 'unrecognised';
  const revisions = retained.get(environment);
  if (revisions === undefined) return 'other';
  if (revisions.includes(revision)) return 'retained';
  return given.isStruck ? 'struck' : 'doomed';
}

/** Signatures and the like go with the image whose digest is in their tag, once nothing else needs that. */
function doomReferrers(view: RepositoryView, verdicts: Map<string, Verdict>): void {
  for (let found = true; found; ) {
    const going = closure(view, (tag) => verdicts.get(tag) === 'doomed');
    const staying = closure(view, (tag) => verdicts.get(tag) !== 'doomed');
    const more = [...view.tags.keys()].filter((tag) => {
      const hex = /^sha256-([0-9a-f]{64})(\.(sig|att|sbom))?$/.exec(tag)?.[1];
      const subject = `sha256:${hex}`;
      return verdicts.get(tag) === 'unrecognised' && going.has(subject) && !staying.has(subject);
    });
    for (const tag of more) verdicts.set(tag, 'doomed');
    found = more.length > 0;
  }
}

/** The digests of some tags, and all that these list, to any depth. */
function closure(
  { tags, manifests }: RepositoryView,
  which: (tag: string, digest: string) => boolean,
): Set<string> {
  const reached = new Set(
    [...tags].filter(([tag, digest]) => which(tag, digest)).map(([, digest]) => digest),
  );
  for (const digest of reached) for (const child of manifests.get(digest)?.children ?? []) reached.add(child);
  return reached;
}
