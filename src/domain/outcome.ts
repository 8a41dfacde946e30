/** What became of each planned tag, and the figures of a run. */
import type { Digest, Repository, Tag } from './names.ts';
import { countFates, type RepositoryPlan } from './plan.ts';
import type { PlannedTag } from './planned-tag.ts';
import { isMarker } from './untagging.ts';
import type { VerifyFigures } from './verify.ts';

/**
 * - `deleted`: this run deleted it
 * - `alreadyGone`: it was gone when its turn came
 * - `failed`: see the reason; `--resume` tries again
 * - `drifted`: it no longer stood for the planned manifest, a tag that moved now needs that, or something runs it now; it
 *   was left alone
 */
export type Outcome = 'deleted' | 'alreadyGone' | 'failed' | 'drifted';

/** One line of the journal. A ledger (`domain/untagging.ts`) has entries as well, and is no tag of the plan. */
export interface JournalEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly repository: Repository;
  readonly tag: Tag;
  /** What the plan says that it stands for; early versions did not note it. */
  readonly digest?: Digest;
  readonly outcome: Outcome;
  readonly reason?: string;
}

/** The latest outcome of every tag that has one. */
export class Outcomes {
  readonly #entries = new Map<string, JournalEntry>();
  readonly #ledgers = new Map<Repository, Set<Tag>>();

  record(entry: JournalEntry): void {
    const { repository, tag } = entry;
    if (isMarker(tag)) this.#ledgers.set(repository, (this.#ledgers.get(repository) ?? new Set()).add(tag));
    this.#entries.set(`${entry.repository}:${entry.tag}`, entry);
  }

  of(repository: Repository, tag: Tag): JournalEntry | undefined {
    return this.#entries.get(`${repository}:${tag}`);
  }

  /** Nothing more is to be done about it. Failures are open. */
  isSettled(repository: Repository, tag: Tag): boolean {
    const outcome = this.of(repository, tag)?.outcome;
    return outcome !== undefined && outcome !== 'failed';
  }

  /** The registry no longer has the tag. */
  isGone(repository: Repository, tag: Tag): boolean {
    const outcome = this.of(repository, tag)?.outcome;
    return outcome === 'deleted' || outcome === 'alreadyGone';
  }

  /** The ledgers of which the journal tells, settled or not. */
  ledgers(repository: Repository): readonly Tag[] {
    return [...(this.#ledgers.get(repository) ?? [])];
  }

  with(outcome: Outcome): readonly JournalEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.outcome === outcome);
  }
}

/** The closing object of a run. Counts are tags, cumulative over resumes. */
export interface Summary extends VerifyFigures {
  readonly event: 'summary';
  readonly mode: 'plan' | 'delete' | 'reclaim';
  readonly exitCode: number;
  readonly environments: number;
  readonly planned: number;
  readonly deleted: number;
  readonly alreadyGone: number;
  readonly failed: number;
  readonly drifted: number;
  readonly retained: number;
  readonly protected: number;
  readonly unrecognised: number;
  readonly struck: number;
  readonly missingRepositories: readonly string[];
  /** What the review said that deleting will free; `null` when it was not found out. */
  readonly predictedBytes: number | null;
  /** What collecting garbage has freed; `null` when none was collected, or it is not known. */
  readonly reclaimedBytes: number | null;
  readonly resumed: boolean;
  /** Where the bytes of what was deleted are, and how many bytes that is on disk. */
  readonly saved?: SavedFigures;
  readonly durationMs: number;
  /** Where the report is; left out while there is none. */
  readonly report?: string;
}

/** What a run has saved of what it deleted. */
export interface SavedFigures {
  readonly file: string;
  readonly bytes: number;
}

/** What a summary counts; the rest of it is the run's circumstances. */
export type Figures = Omit<
  Summary,
  | 'event'
  | 'mode'
  | 'exitCode'
  | 'environments'
  | 'predictedBytes'
  | 'reclaimedBytes'
  | 'resumed'
  | 'saved'
  | 'durationMs'
  | 'report'
  | keyof VerifyFigures
>;

export const noFigures: Figures = {
  planned: 0,
  deleted: 0,
  alreadyGone: 0,
  failed: 0,
  drifted: 0,
  retained: 0,
  protected: 0,
  unrecognised: 0,
  struck: 0,
  missingRepositories: [],
};

/** What has become of a planned tag. A failure does not count when a later look at the plan keeps the tag. */
export function settledOutcome(
  outcomes: Outcomes,
  repository: Repository,
  { tag, fate }: PlannedTag,
): JournalEntry | undefined {
  const latest = outcomes.of(repository, tag);
  return latest?.outcome === 'failed' && fate !== 'delete' ? undefined : latest;
}

/** The tags that failed or drifted, as `countFigures` counts them. */
export function openEntries(plans: readonly RepositoryPlan[], outcomes: Outcomes): readonly JournalEntry[] {
  return plans
    .flatMap(({ ref, tags }) => tags.flatMap((tag) => settledOutcome(outcomes, ref.repository, tag) ?? []))
    .filter(({ outcome }) => outcome === 'failed' || outcome === 'drifted');
}

/**
 * Counts. A tag with a final outcome counts as planned even if a later look at the plan would keep it (a failure does
 * not), so that `planned` is the sum of the outcomes once everything has one.
 */
export function countFigures(plans: readonly RepositoryPlan[], outcomes: Outcomes): Figures {
  const fates = countFates(plans);
  const settled: Record<Outcome, number> = { deleted: 0, alreadyGone: 0, failed: 0, drifted: 0 };
  let planned = 0;
  for (const { ref, tags } of plans) {
    for (const tag of tags) {
      const { fate } = tag;
      const outcome = settledOutcome(outcomes, ref.repository, tag)?.outcome;
      if (outcome) settled[outcome] += 1;
      if (fate === 'delete' || outcome) planned += 1;
      if (fate !== 'delete' && outcome) fates[fate] -= 1;
    }
  }
  return {
    planned,
    ...settled,
    retained: fates.retain,
    protected: fates.protect,
    unrecognised: fates.unrecognised,
    struck: fates.struck,
    missingRepositories: plans.filter((plan) => !plan.exists).map((plan) => plan.ref.repository),
  };
}
