/** A run's figures by environment: tags, and bytes where these are known. */
import type { EnvironmentEntry } from './environments.ts';
import type { Digest, EnvironmentId } from './names.ts';
import type { ReportTag, Standing } from './report-tags.ts';

/** What the charts tell apart. */
export const groups = [
  'deleted',
  'open',
  'failed',
  'retained',
  'protected',
  'unrecognised',
  'other',
] as const;
export type Group = (typeof groups)[number];

export type ByGroup = Readonly<Record<Group, number>>;

/** Which standings a group counts together. */
const groupOf: Readonly<Record<Standing, Group>> = {
  deleted: 'deleted',
  gone: 'deleted',
  open: 'open',
  failed: 'failed',
  drifted: 'failed',
  retained: 'retained',
  struck: 'retained',
  protected: 'protected',
  unrecognised: 'unrecognised',
  other: 'other',
};

/** A manifest that several tags stand for counts as what comes first here: it is there as long as one of them stays. */
const stayingFirst: readonly Group[] = [
  'retained',
  'protected',
  'unrecognised',
  'other',
  'failed',
  'open',
  'deleted',
];

export interface EnvironmentFigures {
  /** `undefined`: tags of which nothing tells the environment. */
  readonly environment: EnvironmentId | undefined;
  readonly tags: ByGroup;
  readonly allTags: number;
  /**
   * Each manifest once; a layer counts in every image that has it. What was taken off a manifest that stays counts as
   * nothing. `undefined` where sizes are not known.
   */
  readonly bytes: ByGroup | undefined;
}

/** Counts. Environments of the file of which there is nothing are named as well. Those with the most deletions first. */
export function countByEnvironment(
  tags: readonly ReportTag[],
  given: {
    readonly environments: readonly EnvironmentEntry[];
    readonly sizes?: ReadonlyMap<Digest, number>;
  },
): readonly EnvironmentFigures[] {
  const { environments, sizes } = given;
  const found = Map.groupBy(tags, ({ environment }) => environment);
  const ids = new Set([...environments.map(({ id }) => id), ...found.keys()]);
  return [...ids]
    .map((environment) => {
      const own = found.get(environment) ?? [];
      const counts = none();
      for (const { standing } of own) counts[groupOf[standing]] += 1;
      const bytes = sizes && weigh(own, sizes);
      return { environment, tags: counts, allTags: own.length, bytes };
    })
    .sort((a, b) => b.tags.deleted + b.tags.open - (a.tags.deleted + a.tags.open) || b.allTags - a.allTags);
}

function weigh(tags: readonly ReportTag[], sizes: ReadonlyMap<Digest, number>): ByGroup {
  const holders = new Map<string, { readonly digest: Digest; group: Group }>();
  for (const { repository, digest, standing, manifestStays } of tags) {
    const group = groupOf[standing];
    if (digest === undefined || (manifestStays && (group === 'deleted' || group === 'open'))) continue;
    const key = `${repository}@${digest}`;
    const holder = holders.get(key);
    if (holder === undefined) holders.set(key, { digest, group });
    else if (stayingFirst.indexOf(group) < stayingFirst.indexOf(holder.group)) holder.group = group;
  }
  const bytes = none();
  for (const { digest, group } of holders.values()) bytes[group] += sizes.get(digest) ?? 0;
  return bytes;
}

function none(): Record<Group, number> {
  return { deleted: 0, open: 0, failed: 0, retained: 0, protected: 0, unrecognised: 0, other: 0 };
}
