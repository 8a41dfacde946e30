/** What an earlier start has left on this machine: its plan, its outcomes, and the lists as they were reviewed. */
import type { EnvironmentEntry } from '../domain/environments.ts';
import { RefusedError, UsageError } from '../domain/errors.ts';
import { readList } from '../domain/lists.ts';
import type { Tag } from '../domain/names.ts';
import type { Outcomes } from '../domain/outcome.ts';
import { doomedTags, plannedRevisions, type RepositoryPlan, revisePlan } from '../domain/plan.ts';
import { withNewestAgain } from '../domain/retention.ts';
import { plainText } from '../domain/text.ts';
import type { RunHandle } from '../ports.ts';

export interface EarlierRun {
  readonly run: RunHandle;
  /** The frozen plan. */
  readonly plans: readonly RepositoryPlan[];
  readonly outcomes: Outcomes;
  readonly damagedLines: number;
  /** By repository. */
  readonly struck: ReadonlyMap<string, ReadonlySet<Tag>>;
  /** What is wrong with the lists, a sentence each. */
  readonly listFaults: readonly string[];
}

/** Reads a run from its folder. */
export async function readEarlierRun(run: RunHandle): Promise<EarlierRun> {
  const plans = await run.plan.read();
  const { outcomes, damagedLines } = await run.journal.read();
  const struck = new Map<string, ReadonlySet<Tag>>();
  const listFaults: string[] = [];
  for (const plan of plans) {
    if (doomedTags(plan).length === 0) continue;
    const place = run.lists.place(plan.ref);
    const text = await run.lists.read(plan.ref);
    if (text === undefined) {
      listFaults.push(`${place} is missing. To keep all of its tags, leave an empty file there.`);
      continue;
    }
    const reviewed = readList(text, plan);
    struck.set(plan.ref.repository, reviewed.struck);
    for (const { line, text: foreign } of reviewed.foreign)
      listFaults.push(
        `${place}, line ${line}: "${plainText(foreign, 80)}" is not a tag that the plan would delete.`,
      );
  }
  return { run, plans, outcomes, damagedLines, struck, listFaults };
}

/** Somebody has worked on the lists: struck lines, added some, or removed a list. */
export function wasEdited(earlier: EarlierRun): boolean {
  return earlier.listFaults.length > 0 || [...earlier.struck.values()].some((tags) => tags.size > 0);
}

/**
 * The plan as it is to be carried out: without what was struck, in the light of the file as it is now, and for a route
 * that may not be the one that it was made for. A plan that is not complete is held against the file when it is
 * (`goByFileNow`).
 *
 * @throws UsageError for lists that cannot be used
 * @throws RefusedError when the frozen plan is not the one that was made
 */
export async function planToContinue(
  earlier: EarlierRun,
  now: { environments: readonly EnvironmentEntry[]; unties: boolean },
): Promise<readonly RepositoryPlan[]> {
  const { planSha256, id, stage } = earlier.run.record;
  if (planSha256 !== undefined && (await earlier.run.plan.sha256()) !== planSha256)
    throw new RefusedError(`The plan of run ${id} has been changed since it was made.`, {
      next: 'To keep a tag, strike it from its list. Give this run up with --fresh and begin a new one.',
    });
  if (earlier.listFaults.length > 0)
    throw new UsageError(
      `The reviewed lists cannot be used:\n${earlier.listFaults.map((fault) => `  ${fault}`).join('\n')}`,
      {
        next: 'Lines may be struck, not added. Nothing was changed.',
      },
    );
  const environments = withNewestAgain(now.environments, {
    entries: earlier.run.record.environments,
    planned: plannedRevisions(earlier.plans),
  });
  return earlier.plans.map((plan) =>
    revisePlan(plan, {
      unties: now.unties,
      struck: earlier.struck.get(plan.ref.repository) ?? new Set(),
      ...(stage !== 'listing' && { environments }),
    }),
  );
}
