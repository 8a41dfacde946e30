/** What the administrator reviews: the plan, summed up by environment and repository. */
import type { EnvironmentEntry } from './environments.ts';
import type { EnvironmentId, Repository } from './names.ts';
import type { RepositoryPlan } from './plan.ts';
import type { PlannedTag } from './planned-tag.ts';

/** One environment in one repository. */
export interface ReviewRow {
  readonly environment: EnvironmentId;
  readonly repository: Repository;
  readonly scheme: 'new' | 'legacy';
  /** The registry does not know the repository. */
  readonly missing: boolean;
  readonly found: number;
  readonly retained: number;
  readonly protected: number;
  readonly struck: number;
  readonly toDelete: number;
  /** Tags by the rule that protects them. */
  readonly protectedBy: Readonly<Record<string, number>>;
  /** Nothing of the environment will remain in the registry, although something is there now. */
  readonly nothingRemains: boolean;
}

export interface Review {
  readonly rows: readonly ReviewRow[];
  /** Tags in these repositories that no row counts: unrecognised ones, and those of other environments. */
  readonly leftAlone: { readonly unrecognised: number; readonly otherEnvironments: number };
  readonly totals: {
    readonly found: number;
    readonly protected: number;
    readonly toDelete: number;
    /** Of those to delete: signatures and the like, which go with their images. */
    readonly following: number;
    /** Of those to delete: only the tag goes, since something that stays needs its manifest. */
    readonly untiedOnly: number;
  };
  /** Environments of the file of which the repositories of the plan have no tag. */
  readonly notFound: readonly EnvironmentId[];
  /** Ledgers that unfinished runs have left; deleting works them off. */
  readonly unfinished: number;
  /** Tags that such a run has untied and that are put back, since this plan keeps them. */
  readonly putBack: number;
}

/** Sums the plan up, a row for every environment of the file in every repository of the plan. */
export function reviewPlan(
  plans: readonly RepositoryPlan[],
  environments: readonly EnvironmentEntry[],
): Review {
  const rows = new Map<string, MutableRow>();
  const leftAlone = { unrecognised: 0, otherEnvironments: 0 };
  const named = new Set(environments.map((entry) => entry.id));
  for (const plan of plans) {
    const { ref } = plan;
    const concerned = ref.scheme === 'legacy' ? [ref.environment].filter((id) => named.has(id)) : named;
    for (const environment of concerned)
      rows.set(`${environment} ${ref.repository}`, emptyRow(plan, environment));
    for (const planned of plan.tags) {
      const row = planned.names && rows.get(`${planned.names.environment} ${ref.repository}`);
      if (planned.fate === 'unrecognised') leftAlone.unrecognised += 1;
      else if (isFollowing(planned)) continue;
      else if (row) countTag(row, planned);
      else leftAlone.otherEnvironments += 1;
    }
  }
  const remaining = new Set<EnvironmentId>();
  for (const row of rows.values()) if (row.found > row.toDelete) remaining.add(row.environment);
  const schemes = new Map<EnvironmentId, number>();
  for (const row of rows.values()) schemes.set(row.environment, (schemes.get(row.environment) ?? 0) + 1);
  // A run that is restricted to one scheme does not know what the other repository holds.
  const isKnown = (environment: EnvironmentId) => schemes.get(environment) === 2;
  const order = new Map(environments.map((entry, index) => [entry.id, index]));
  const sorted = [...rows.values()]
    .map((row) => ({
      ...row,
      nothingRemains: row.found > 0 && isKnown(row.environment) && !remaining.has(row.environment),
    }))
    .sort((a, b) => (order.get(a.environment) ?? 0) - (order.get(b.environment) ?? 0));
  const sum = (key: 'found' | 'protected') => sorted.reduce((total, row) => total + row[key], 0);
  return {
    rows: sorted,
    leftAlone,
    totals: {
      found: sum('found'),
      protected: sum('protected'),
      // Not the sum of the rows: whatever is to be deleted is told, be there a row for it or not.
      toDelete: countTags(plans, ({ fate }) => fate === 'delete'),
      following: countTags(plans, isFollowing),
      untiedOnly: countTags(
        plans,
        ({ fate, manifestStays }) => fate === 'delete' && manifestStays !== undefined,
      ),
    },
    notFound: [...named].filter((id) => sorted.every((row) => row.environment !== id || row.found === 0)),
    unfinished: plans.reduce((total, { ledgers }) => total + ledgers.length, 0),
    putBack: countTags(plans, ({ fate, untiedBy }) => fate !== 'delete' && untiedBy !== undefined),
  };
}

function isFollowing({ fate, subject }: PlannedTag): boolean {
  return fate === 'delete' && subject !== undefined;
}

function countTags(plans: readonly RepositoryPlan[], which: (tag: PlannedTag) => boolean): number {
  return plans.reduce((total, { tags }) => total + tags.filter(which).length, 0);
}

type MutableRow = { -readonly [Key in keyof Omit<ReviewRow, 'protectedBy'>]: ReviewRow[Key] } & {
  protectedBy: Record<string, number>;
};

function emptyRow({ ref, exists }: RepositoryPlan, environment: EnvironmentId): MutableRow {
  return {
    environment,
    repository: ref.repository,
    scheme: ref.scheme,
    missing: !exists,
    found: 0,
    retained: 0,
    protected: 0,
    struck: 0,
    toDelete: 0,
    protectedBy: {},
    nothingRemains: false,
  };
}

function countTag(row: MutableRow, planned: RepositoryPlan['tags'][number]): void {
  row.found += 1;
  switch (planned.fate) {
    case 'delete':
      row.toDelete += 1;
      break;
    case 'retain':
      row.retained += 1;
      break;
    case 'struck':
      row.struck += 1;
      break;
    case 'protect':
      row.protected += 1;
      row.protectedBy[planned.rule ?? ''] = (row.protectedBy[planned.rule ?? ''] ?? 0) + 1;
      break;
    case 'unrecognised':
    case 'other':
      break;
  }
}
