/** The run itself, as soon as it is known what it is to do: list, judge, review, and carry the plan out. */
import { RefusedError } from '../domain/errors.ts';
import type { Repository } from '../domain/names.ts';
import { doomedTags } from '../domain/plan.ts';
import { isCollected, whyNotTakenBack } from '../domain/reclaim.ts';
import { type Review, reviewPlan } from '../domain/review.ts';
import { moveTo, type RestartTimes } from '../domain/run.ts';
import { divide } from '../domain/strategy.ts';
import { count } from '../domain/text.ts';
import { verifyFigures } from '../domain/verify.ts';
import type { Progress } from '../ports.ts';
import type { Context } from '../steps/context.ts';
import { deletionState } from '../steps/deletion-probe.ts';
import { checking, collecting, deleting, listing, stoppingPushes, view } from '../steps/index.ts';
import { goByFileNow } from '../steps/list.ts';
import { noting } from '../steps/noting-registry.ts';
import { hasOpenWork, openDeletions } from '../steps/open-work.ts';
import { reachRegistry } from '../steps/reach.ts';
import { noteInTrail } from '../steps/trail.ts';
import { estimate, openEstimate } from './estimate.ts';
import {
  requireNothingEmptied,
  requireRetainedRevisions,
  requireSomeRepository,
  requireThePlan,
  requireWithinLimits,
} from './judge.ts';
import { closeCache } from './manifest-cache.ts';
import type { SettingsNow } from './preflight.ts';
import { FOR_GOOD } from './reclaim.ts';
import type { World } from './world.ts';

/** Where no step shows how it goes. */
const quiet: Progress = { update() {}, status() {} };

/**
 * Lists, shows the review, asks, and deletes where the run does.
 *
 * @throws RefusedError when the plan is not one to be carried out, or the person does not agree to it
 */
export async function carryOut(
  world: World,
  context: Context,
  given: {
    deletes: boolean;
    setting: SettingsNow;
    lastRestarts: RestartTimes;
  },
): Promise<void> {
  const { person, run } = context;
  const { review, space } = await plan(world, context);
  const restarts = await countRestarts(context, given.setting);
  person.review(review, {
    registry: world.options.registry,
    context: context.settings.context,
    done: countDone(context),
    estimate: space,
    restarts,
    lastRestarts: given.lastRestarts,
    untagFirst: untagFirst(context),
    unseen: context.imagesInUse.unseen,
    file: changesOfFile(context),
    lists: run.lists.folder,
    planSha256: run.record.planSha256 ?? '',
  });
  noteInTrail(context, {
    event: 'review',
    plan: `sha256:${run.record.planSha256}`,
    planned: review.totals.toDelete,
  });
  if (given.deletes) requireThePlan(context, world.options.plan);
  const hasWork = review.totals.toDelete > 0 || review.unfinished > 0;
  const reclaims = context.reclaim !== undefined && isToReclaim(context);
  if (given.deletes && (hasWork || reclaims)) {
    context.window?.requireRoom(restarts);
    await requireConfirmation(world, context, wish(review, reclaims));
  }
  const skip = !hasWork
    ? 'nothing to delete'
    : given.deletes
      ? undefined
      : 'review the lists first, then: --resume --delete';
  await person.steps(deleting.map((step) => view(step, context, skip)));
  if (context.reclaim === undefined) return;
  const collected = reclaims ? undefined : 'it was collected already';
  await person.steps([...stoppingPushes, ...checking].map((step) => view(step, context, collected)));
  await person.steps(collecting.map((step) => view(step, context, collected ?? whyNotCollected(context))));
  const final = whyNotTakenBack(run.record);
  if (final !== undefined) person.say(final);
}

/** Lists, judges what that has come to, and finds out what it would free. */
async function plan(world: World, context: Context) {
  const cache = await openEstimate(world, context);
  try {
    const looking = cache
      ? { ...context, registry: noting(context.registry, { cache, clock: context.clock }) }
      : context;
    // Without a pod there is no step that would open the route.
    if (context.pod === undefined) await reachRegistry(context, quiet);
    await context.person.steps(listing.map((step) => view(step, looking)));
    // A plan that was complete before was held against the file when it was read.
    if (context.run.record.stage === 'listing') goByFileNow(context);
    for (const [repository, each] of context.plans) context.reviewed.set(repository, each);
    await judge(world, context);
    const review = reviewPlan([...context.plans.values()], context.environments);
    return { review, space: await estimate(world, context, cache) };
  } finally {
    if (cache) await closeCache(world, cache);
  }
}

/** @throws RefusedError when the plan is not one to be carried out */
async function judge({ options }: World, context: Context): Promise<void> {
  const { run } = context;
  requireSomeRepository(context, options.registry);
  if (!options.allowAbsent && !run.record.allowAbsent) await requireRetainedRevisions(context);
  if (run.record.stage === 'listing') {
    const planSha256 = await run.plan.sha256();
    await run.update((record) => ({ ...moveTo(record, 'reviewed'), planSha256 }));
  }
  requireWithinLimits(context, options);
  await requireNothingEmptied(context, options);
}

/** As long as nothing was collected, what was deleted can be brought back. */
function whyNotCollected({ verification }: Context): string | undefined {
  const { lost } = verifyFigures(verification);
  return lost > 0 ? `${count(lost, 'tag')} lost that had to stay: nothing is made final` : undefined;
}

/** It has not been collected since the last deletion, or will not have been. */
function isToReclaim({ run, plans, outcomes }: Context): boolean {
  return !isCollected(run.record) || [...plans.values()].some((plan) => hasOpenWork(outcomes, plan));
}

function countDone(context: Context): number {
  return [...context.plans.values()].reduce(
    (sum, plan) =>
      sum + doomedTags(plan).filter((tag) => context.outcomes.isGone(plan.ref.repository, tag)).length,
    0,
  );
}

/** How often deleting will restart the registry. */
async function countRestarts(context: Context, setting: SettingsNow): Promise<number> {
  const reclaims = context.reclaim !== undefined && isToReclaim(context);
  // Going read-only puts deletion back as it was, in the same restart; being writable again is another.
  if (setting.byThisRun) return reclaims && !setting.readOnlyByThisRun ? 2 : 1;
  const isOpen = [...context.plans.values()].some((plan) => hasOpenWork(context.outcomes, plan));
  const enables = !setting.enabled && isOpen && (await deletionState(context)) !== 'enabled';
  return reclaims ? (enables ? 3 : 2) : enables ? 2 : 0;
}

/** What the environments file names now and did not when the plan was made, and the other way round. */
function changesOfFile({ environments, run }: Context): { added: number; removed: number } {
  const without = (some: typeof environments, others: typeof environments) => {
    const ids = new Set(others.map(({ id }) => id));
    return some.filter(({ id }) => !ids.has(id)).length;
  };
  const before = run.record.environments;
  return { added: without(environments, before), removed: without(before, environments) };
}

/** The repositories whose tags will be untied first. */
function untagFirst({ plans, outcomes, settings }: Context): readonly Repository[] {
  return [...plans.values()]
    .filter((plan) => divide(plan, openDeletions(outcomes, plan), settings.strategy).untie.length > 0)
    .map((plan) => plan.ref.repository);
}

/** What the person agrees to. */
function wish({ totals, unfinished }: Review, reclaims: boolean): string {
  const share = Math.round((100 * totals.toDelete) / Math.max(1, totals.found));
  const deleting = `delete ${count(totals.toDelete, 'tag')} (${share} % of those environments' tags) from`;
  const finishing = unfinished > 0 ? 'finish what an earlier run has begun in' : '';
  const collecting = reclaims ? 'collect the garbage of' : '';
  return [totals.toDelete > 0 ? deleting : '', finishing, collecting]
    .filter((each) => each !== '')
    .join(', and ');
}

async function requireConfirmation(world: World, context: Context, what: string): Promise<void> {
  if (context.run.record.confirmed) return await noteConfirmation(context, 'beforehand');
  if (context.reclaim) context.person.say(`Garbage is collected in the end. ${FOR_GOOD}`);
  const cluster = context.settings.context;
  const agreed = await context.person.confirm(
    `To ${what} ${world.options.registry}, type the context's name (${cluster}): `,
    cluster,
  );
  if (!agreed)
    throw new RefusedError('Nothing was deleted: it was not confirmed.', {
      next: 'The lists are kept. Continue with --resume --delete.',
    });
  await context.run.update((record) => ({ ...record, confirmed: true }));
  await noteConfirmation(context, 'typed');
}

/** On disk before anything is changed. */
async function noteConfirmation(context: Context, how: 'typed' | 'beforehand'): Promise<void> {
  noteInTrail(context, { event: 'confirmed', how });
  await context.run.journal.flush();
}
