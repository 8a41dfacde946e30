/**
 * What a run reports when it ends: its totals, figures by environment, what was protected and why, what failed, how
 * long its steps took, and every tag. Made from the plan as it stands, what became of each tag, and the run's record.
 */
import type { EnvironmentEntry } from './environments.ts';
import { CleanerError, InterruptedError, messageOf, WindowOverError } from './errors.ts';
import type { Digest } from './names.ts';
import { countFigures, type Figures, type Outcomes } from './outcome.ts';
import type { RepositoryPlan } from './plan.ts';
import { whyOfRule } from './protection.ts';
import { countByEnvironment, type EnvironmentFigures } from './report-figures.ts';
import { type ReportTag, reportTags, type Standing } from './report-tags.ts';
import { type RunRecord, stepKeys, stepTitles } from './run.ts';
import { count } from './text.ts';

/** What the report is made from. */
export interface ReportSource {
  readonly record: RunRecord;
  readonly plans: readonly RepositoryPlan[];
  readonly outcomes: Outcomes;
  /** The environments file as it is now. */
  readonly environments: readonly EnvironmentEntry[];
  /** What each manifest weighs with all that it refers to, in bytes, where that is known. */
  readonly sizes?: ReadonlyMap<Digest, number>;
}

export interface Report {
  readonly run: RunRecord;
  /** ISO 8601: when the report was made. */
  readonly writtenAt: string;
  readonly ending: ReportEnding;
  readonly figures: Figures;
  /** How many tags are in each standing; together they are all tags. */
  readonly standings: Readonly<Record<Standing, number>>;
  /** Those with the most deletions first. */
  readonly environments: readonly EnvironmentFigures[];
  /** The bytes of `environments` are known. */
  readonly hasBytes: boolean;
  readonly protections: readonly ReportProtection[];
  readonly steps: readonly ReportStep[];
  /** Every tag, in the plan's order. */
  readonly tags: readonly ReportTag[];
}

/** How the run has ended so far. */
interface ReportEnding {
  /** `good`: as it was meant to; `open`: there is something left to do; `bad`: it failed. */
  readonly tone: 'good' | 'open' | 'bad';
  /** A sentence. */
  readonly title: string;
  /** What to know beside it, and what to do next; each a sentence or more. */
  readonly details: readonly string[];
}

/** What one rule of protection has kept. */
interface ReportProtection {
  readonly rule: string;
  /** Why the rule exists. */
  readonly why: string;
  /** Tags that stay because of it. */
  readonly tags: number;
  /** Tags that go, or have gone, although their manifests stay because of it. */
  readonly onlyManifests: number;
}

/** A step that was begun; the last time that it was, if it was more often. */
export interface ReportStep {
  readonly title: string;
  readonly state: 'running' | 'done' | 'failed';
  /** ISO 8601. */
  readonly startedAt: string;
  /** `undefined` for one of which no end is known. */
  readonly durationMs: number | undefined;
  readonly note: string | undefined;
}

/** @param given `error`: what ended the run; `undefined` when it came to its end */
export function makeReport(
  source: ReportSource,
  given: { readonly error: unknown; readonly writtenAt: string },
): Report {
  const { record, plans, outcomes, environments, sizes } = source;
  const figures = countFigures(plans, outcomes);
  const tags = reportTags(plans, outcomes);
  return {
    run: record,
    writtenAt: given.writtenAt,
    ending: endingOf(record, figures, given.error),
    figures,
    standings: countStandings(tags),
    environments: countByEnvironment(tags, { environments, ...(sizes && { sizes }) }),
    hasBytes: sizes !== undefined,
    protections: protectionsOf(tags),
    steps: stepsOf(record),
    tags,
  };
}

function endingOf(record: RunRecord, figures: Figures, error: unknown): ReportEnding {
  const unlisted = record.stage === 'listing' ? ['Not everything was listed: the plan is not complete.'] : [];
  if (error === undefined) return { ...goodEnding(record, figures), details: unlisted };
  const details = [...unlisted, ...(error instanceof CleanerError && error.next !== '' ? [error.next] : [])];
  const isOpen = error instanceof InterruptedError || error instanceof WindowOverError;
  return { tone: isOpen ? 'open' : 'bad', title: messageOf(error), details };
}

function goodEnding({ deleting }: RunRecord, figures: Figures): Pick<ReportEnding, 'tone' | 'title'> {
  const { planned, failed, deleted, alreadyGone } = figures;
  if (!deleting)
    return {
      tone: planned > 0 ? 'open' : 'good',
      title: `Planned: ${count(planned, 'tag')} to delete. Nothing was changed.`,
    };
  if (failed > 0)
    return { tone: 'bad', title: `Finished, but ${count(failed, 'tag')} could not be deleted.` };
  return { tone: 'good', title: `Finished: ${deleted + alreadyGone} of ${count(planned, 'tag')} deleted.` };
}

function countStandings(tags: readonly ReportTag[]): Record<Standing, number> {
  const counts: Record<Standing, number> = {
    deleted: 0,
    gone: 0,
    open: 0,
    failed: 0,
    drifted: 0,
    retained: 0,
    struck: 0,
    protected: 0,
    unrecognised: 0,
    other: 0,
  };
  for (const { standing } of tags) counts[standing] += 1;
  return counts;
}

function protectionsOf(tags: readonly ReportTag[]): readonly ReportProtection[] {
  const rules = new Map<string, { tags: number; onlyManifests: number }>();
  for (const { rule, standing } of tags) {
    if (rule === undefined) continue;
    const counts = rules.get(rule) ?? { tags: 0, onlyManifests: 0 };
    counts[standing === 'protected' ? 'tags' : 'onlyManifests'] += 1;
    rules.set(rule, counts);
  }
  return [...rules].map(([rule, counts]) => ({ rule, why: whyOfRule(rule), ...counts }));
}

function stepsOf({ steps }: RunRecord): readonly ReportStep[] {
  return stepKeys.flatMap((key) => {
    const step = steps[key];
    if (step === undefined) return [];
    const { state, startedAt, endedAt, note } = step;
    const durationMs = endedAt === undefined ? undefined : Date.parse(endedAt) - Date.parse(startedAt);
    return { title: stepTitles[key], state, startedAt, durationMs, note };
  });
}
