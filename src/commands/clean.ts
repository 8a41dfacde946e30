/** `clean`: list, plan, review, and with `--delete` carry the plan out. */
import type { EnvironmentEntry } from '../domain/environments.ts';
import { UsageError } from '../domain/errors.ts';
import type { ImageUse } from '../domain/in-use.ts';
import { countFigures, Outcomes, openEntries } from '../domain/outcome.ts';
import type { RepositoryPlan } from '../domain/plan.ts';
import { speaksHttp } from '../domain/route.ts';
import { type Binding, decideStart, isResumable, moveTo, type RunRecord, type Start } from '../domain/run.ts';
import { count } from '../domain/text.ts';
import { verifyFigures } from '../domain/verify.ts';
import type { Credentials, HeldLease, RunHandle, RunStore } from '../ports.ts';
import type { Context } from '../steps/context.ts';
import { ImagesInUse } from '../steps/in-use.ts';
import { noteLast } from '../steps/trail.ts';
import type { WindowKeeper } from '../steps/window.ts';
import { recoverCommand, undoCommand } from './advice.ts';
import { carryOut } from './carry-out.ts';
import { removeDeadPod } from './dead-pod.ts';
import { type EarlierRun, planToContinue, readEarlierRun, wasEdited } from './earlier-run.ts';
import { aloud, putSettingBack, withLease } from './lease.ts';
import {
  containerOf,
  findCredentials,
  identify,
  inspectWorkload,
  requireCollectable,
  requirePermissions,
  type SettingsNow,
  usesPod,
} from './preflight.ts';
import { bookOfRun } from './reclaim-book.ts';
import { withReport } from './report.ts';
import { RunTrail } from './run-trail.ts';
import { withSafetyNet } from './safety-net.ts';
import { openWindow, rememberedRestarts } from './window.ts';
import type { Connection, Tally, World } from './world.ts';

/** Everything that was read and judged on this machine before the cluster is touched. */
interface Prepared {
  readonly environments: readonly EnvironmentEntry[];
  /** Images that are known to be in use elsewhere. */
  readonly inUse: readonly ImageUse[];
  readonly store: RunStore;
  readonly start: Start;
  readonly latest: RunHandle | undefined;
  /** What the latest run has left on this machine, as far as it may be gone on with. */
  readonly earlier: EarlierRun | undefined;
  readonly plans: readonly RepositoryPlan[];
  /** The run deletes, now or since its first start. */
  readonly deletes: boolean;
  /** It collects garbage after that. */
  readonly reclaims: boolean;
  readonly confirmed: boolean;
}

/** @returns how many tags could not be deleted, or are not what they have to be */
export function clean(world: World, tally: Tally): Promise<{ failed: number }> {
  return withReport(world, tally, () => cleanRegistry(world, tally));
}

async function cleanRegistry(world: World, tally: Tally): Promise<{ failed: number }> {
  const window = openWindow(world);
  const prepared = await prepare(world, tally);
  const resumed = prepared.start.action === 'resume' ? prepared.earlier?.run : undefined;
  const runId = resumed?.record.id ?? world.newRunId();
  const warnOfLeftovers = (error: unknown): never => {
    if (resumed?.record.stage === 'deleting')
      world.person.warn(
        `A killed start of this run may have left deletion enabled. If you cannot resume it now: ${recoverCommand(world.options)}`,
      );
    throw error;
  };
  const { connection, binding } = await approach(world, prepared, runId).catch(warnOfLeftovers);
  const work = async (lease: HeldLease | undefined) => {
    const arrived = { connection, binding, lease, runId };
    const found = await inspect(world, prepared, arrived).catch(warnOfLeftovers);
    await execute(world, { ...prepared, ...arrived, ...found, resumed, window, tally, trail });
  };
  const trail = new RunTrail(world, tally);
  return await trail.toItsEnd(async () => {
    await (changesCluster(prepared) ? withLease(world, connection, work) : work(undefined));
    const failed = countUnfinished(tally);
    // Not before nothing is left in the cluster: what is finished is not resumed.
    if (prepared.deletes) await trail.moveTo(failed > 0 ? 'incomplete' : 'finished');
    return { failed };
  });
}

/** Tags that could not be deleted, are there again, or are lost. */
function countUnfinished(tally: Tally): number {
  const { lost, stillThere } = verifyFigures(tally.verification());
  return tally.figures().failed + lost + stillThere;
}

/** A run that only plans may go on beside another. */
function changesCluster({ deletes, start }: Prepared): boolean {
  return deletes || start.action === 'give-up';
}

/** All that is known when the first step begins. */
interface Execution extends Prepared {
  readonly connection: Connection;
  readonly binding: Binding;
  readonly lease: HeldLease | undefined;
  readonly runId: string;
  readonly setting: SettingsNow;
  readonly credentials: Credentials;
  /** The run that is gone on with. */
  readonly resumed: RunHandle | undefined;
  readonly window: WindowKeeper | undefined;
  readonly tally: Tally;
  readonly trail: RunTrail;
}

async function execute(world: World, given: Execution): Promise<void> {
  const { connection, binding, lease, runId, setting, credentials, resumed, window, tally, ...prepared } =
    given;
  const restarts = await rememberedRestarts(world, binding);
  const run = resumed ?? (await begin(world, prepared, { id: runId, binding }));
  if (resumed) await resumed.update((record) => resumedRecord(record, prepared, binding));
  given.trail.begin(run, { resumed: resumed !== undefined, binding });
  const registry = await world.openRegistry({
    run: runId,
    connection,
    credentials,
  });
  const signal = lease ? AbortSignal.any([world.work, lease.lost]) : world.work;
  const context: Context = {
    settings: {
      ...world.options,
      operator: world.operator,
      context: binding.context,
      recover: recoverCommand(world.options),
      container: containerOf(world.options),
    },
    environments: prepared.environments,
    run,
    registry,
    pod: usesPod(world.options) ? connection.pod : undefined,
    workload: connection.workload,
    collector: connection.collector,
    reclaim: prepared.reclaims ? bookOfRun(run, { store: prepared.store, binding, tally }) : undefined,
    imagesInUse: new ImagesInUse({
      port: connection.imagesInUse,
      known: prepared.inUse,
      maySeeLess: world.options.noInUseCheck,
      clock: world.clock,
      signal,
    }),
    lease,
    person: world.person,
    clock: world.clock,
    window,
    signal,
    uninterrupted: world.safety,
    manualRestore: undefined,
    plans: new Map(prepared.plans.map((plan) => [plan.ref.repository, plan])),
    reviewed: new Map(),
    verification: undefined,
    imageSizes: undefined,
    outcomes: resumed && prepared.earlier ? prepared.earlier.outcomes : new Outcomes(),
    plannedAtMs: resumed ? undefined : world.clock.now(),
  };
  tally.folder = run.folder;
  tally.figures = () => countFigures([...context.plans.values()], context.outcomes);
  tally.open = () => openEntries([...context.plans.values()], context.outcomes);
  tally.source = () => ({
    record: run.record,
    plans: [...context.plans.values()],
    outcomes: context.outcomes,
    environments: context.environments,
    ...(context.imageSizes && { sizes: context.imageSizes }),
  });
  tally.predicted = () => run.record.estimate?.bytes;
  tally.verification = () => context.verification;
  tally.undo = undoCommand(world.options, runId);

  window?.learn(restarts);
  try {
    await withSafetyNet(context, () =>
      carryOut(world, context, { deletes: prepared.deletes, setting, lastRestarts: restarts }),
    );
  } finally {
    tally.saved = await savedFigures(run);
  }
}

async function savedFigures({ saved }: RunHandle): Promise<Tally['saved']> {
  // However the run has ended, this is no reason for another end.
  const bytes = await saved.size().catch(() => 0);
  return bytes > 0 ? { file: saved.place, bytes } : undefined;
}

/** Reads and judges everything local. */
async function prepare(world: World, tally: Tally): Promise<Prepared> {
  const { options, person } = world;
  tally.mode = options.delete ? 'delete' : 'plan';
  const environments = await world.readEnvironments();
  tally.environments = environments.length;
  const inUse = await world.readInUse();
  await world.report.check();
  const store = await world.openStore();
  const latest = await store.latest();
  // A run that is over or to be given up is not read: whatever has become of its files, it does not stand in the way.
  const earlier =
    latest && isResumable(latest.record) && !options.fresh ? await readEarlierRun(latest) : undefined;
  const start = decideStart({
    latest: latest?.record,
    listsEdited: earlier !== undefined && latest?.record.stage === 'reviewed' && wasEdited(earlier),
    resume: options.resume,
    fresh: options.fresh,
  });
  const resumes = start.action === 'resume' && earlier !== undefined;
  const record = resumes ? earlier.run.record : undefined;
  const deletes = options.delete || (record?.deleting ?? false);
  const reclaims = options.reclaim || (record?.reclaim ?? false);
  // Who has agreed to a deletion has not agreed to what makes it final.
  const confirmed = options.yes || (record?.confirmed === true && record.reclaim === (reclaims || undefined));
  tally.mode = deletes ? 'delete' : 'plan';
  tally.resumed = resumes;
  if (options.only !== undefined && record && record.only !== options.only)
    throw new UsageError(
      `Run ${record.id} was begun ${record.only ? `with --only ${record.only}` : 'without --only'}.`,
      {
        next: 'Resume it without --only; it keeps to what it was begun with.',
      },
    );
  requireFitting(options, { deletes });
  if (deletes && !confirmed && !person.present)
    throw new UsageError('Deleting has to be confirmed, and there is no terminal to ask in.', {
      next: 'Add --yes to confirm it beforehand.',
    });
  if (resumes && earlier.damagedLines > 0)
    person.warn(
      `${count(earlier.damagedLines, 'line')} of the journal cannot be read; these tags are looked at again.`,
    );
  const plans = resumes
    ? await planToContinue(earlier, { environments, unties: speaksHttp(options.via) })
    : [];
  return { environments, inUse, store, start, latest, earlier, plans, deletes, reclaims, confirmed };
}

/** @throws UsageError for options that say nothing without others, or contradict each other */
function requireFitting({ reclaim, dryRun }: World['options'], { deletes }: { deletes: boolean }): void {
  if (reclaim && !deletes)
    throw new UsageError('--reclaim is given without --delete.', {
      next: 'Add --delete. To collect garbage and nothing else: npm run clean -- reclaim',
    });
  // Set as a variable: whoever has done so wants nothing to be changed.
  if (dryRun && deletes)
    throw new UsageError('REGISTRY_CLEANER_DRY_RUN is set, and this run would delete.', {
      next: 'Unset it, or begin a run without --delete, which only plans.',
    });
}

/** The record of the run whose binding counts: the one that is resumed, or that has to be put right first. */
function bound({ start, latest }: Prepared): RunRecord | undefined {
  return start.action === 'resume' || start.action === 'give-up' ? latest?.record : undefined;
}

/** Finds out which cluster it is, and whether one may do there what this needs. */
async function approach(world: World, prepared: Prepared, runId: string) {
  const connection = await world.connect(runId);
  const binding = await identify(world, connection, bound(prepared));
  await requirePermissions(world, connection, {
    deleting: changesCluster(prepared),
    reclaiming: prepared.reclaims,
  });
  return { connection, binding };
}

interface Arrived {
  readonly connection: Connection;
  readonly lease: HeldLease | undefined;
  readonly runId: string;
}

/** Asks of the cluster what has to be known before the first step. */
async function inspect(world: World, prepared: Prepared, arrived: Arrived) {
  const { connection, runId } = arrived;
  await clearAway(world, prepared, arrived);
  const setting = await inspectWorkload(world, connection, { run: runId, deleting: prepared.deletes });
  if (prepared.reclaims && !setting.readOnlyByThisRun) await requireCollectable(world, connection);
  const credentials = await findCredentials(world, connection);
  return { setting, credentials };
}

/** Puts right, and away, what earlier runs of this state folder have left in the cluster. */
async function clearAway(
  world: World,
  { start, latest, store }: Prepared,
  { connection, lease, runId }: Arrived,
): Promise<void> {
  await removeDeadPod(world, connection, { store, runId });
  if (start.action === 'give-up' && latest && lease)
    await restoreBeforeFresh(world, { connection, lease, run: latest });
}

async function restoreBeforeFresh(
  world: World,
  { connection, lease, run }: { connection: Connection; lease: HeldLease; run: RunHandle },
): Promise<void> {
  world.person.say(`Giving up run ${run.record.id}; its change to the registry is put back first.`);
  const restored = await putSettingBack(world, connection, {
    lease,
    run: run.record.id,
    progress: aloud(world),
  });
  world.person.say(restored === 'nothing' ? 'Nothing had to be put back.' : 'The setting is as before.');
}

/** The new run; only now the one that it takes the place of is given up. */
async function begin(
  world: World,
  prepared: Prepared,
  given: { id: string; binding: Binding },
): Promise<RunHandle> {
  const { start, latest, store } = prepared;
  const run = await store.create(newRecord(world, prepared, given));
  if (start.action !== 'begin' && latest) {
    await latest.update((record) => moveTo(record, 'given-up'));
    const reason = `run ${run.record.id} has taken its place`;
    await noteLast({ run: latest, clock: world.clock }, { event: 'end', stage: 'given-up', reason });
  }
  return run;
}

function newRecord(
  world: World,
  prepared: Prepared,
  { id, binding }: { id: string; binding: Binding },
): RunRecord {
  const { options, clock } = world;
  return {
    schema: 1,
    id,
    by: world.operator,
    startedAt: new Date(clock.now()).toISOString(),
    stage: 'listing',
    deleting: prepared.deletes,
    confirmed: prepared.confirmed && prepared.deletes,
    allowAbsent: options.allowAbsent,
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(prepared.reclaims && { reclaim: true }),
    binding,
    environments: prepared.environments,
    steps: {},
  };
}

function resumedRecord(
  { figures: _, ...record }: RunRecord,
  prepared: Prepared,
  binding: Binding,
): RunRecord {
  return {
    ...record,
    binding: record.binding ?? binding,
    deleting: prepared.deletes,
    confirmed: prepared.confirmed && prepared.deletes,
    ...(prepared.reclaims && { reclaim: true }),
  };
}
