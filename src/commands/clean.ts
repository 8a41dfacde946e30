/** `clean`: list, plan, review, and with `--delete` carry the plan out. */
import { countFigures, Outcomes, openEntries } from '../domain/outcome.ts';
import type { Binding, RestartTimes } from '../domain/run.ts';
import { verifyFigures } from '../domain/verify.ts';
import type { Credentials, HeldLease, RunHandle } from '../ports.ts';
import type { Context } from '../steps/context.ts';
import { ImagesInUse } from '../steps/in-use.ts';
import type { WindowKeeper } from '../steps/window.ts';
import { recoverCommand, undoCommand } from './advice.ts';
import { carryOut } from './carry-out.ts';
import { removeDeadPod } from './dead-pod.ts';
import { boundBy, changesCluster, type Intent, readIntent } from './intent.ts';
import { aloud, putSettingBack, withLease } from './lease.ts';
import { openRun } from './open-run.ts';
import {
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
import { settingsOf } from './settings.ts';
import { openWindow, rememberedRestarts } from './window.ts';
import type { Connection, Tally, World } from './world.ts';

/** @returns how many tags could not be deleted, or are not what they have to be */
export function clean(world: World, tally: Tally): Promise<{ failed: number }> {
  return withReport(world, tally, () => cleanRegistry(world, tally));
}

async function cleanRegistry(world: World, tally: Tally): Promise<{ failed: number }> {
  const window = openWindow(world);
  const intent = await readIntent(world, tally);
  const earlier = intent.resumed?.run.record;
  const runId = earlier?.id ?? world.newRunId();
  const net = { isThere: false };
  const trail = new RunTrail(world, tally);
  try {
    const { connection, binding } = await approach(world, intent, runId);
    const work = async (lease: HeldLease | undefined) => {
      const arrived = { connection, binding, lease, runId };
      const found = await inspect(world, intent, arrived);
      const execution = { intent, ...arrived, ...found, window, tally, trail };
      const prepared = await prepare(world, execution);
      net.isThere = true;
      await execute(world, execution, prepared);
    };
    return await trail.toItsEnd(async () => {
      await (changesCluster(intent) ? withLease(world, connection, work) : work(undefined));
      const failed = countUnfinished(tally);
      // Not before nothing is left in the cluster: what is finished is not resumed.
      if (intent.deletes) await trail.moveTo(failed > 0 ? 'incomplete' : 'finished');
      return { failed };
    });
  } catch (error) {
    // From then on whatever ends the run puts the setting back, or says how that is done.
    if (!net.isThere && earlier?.stage === 'deleting')
      world.person.warn(
        `A killed start of this run may have left deletion enabled. If you cannot resume it now: ${recoverCommand(world.options)}`,
      );
    throw error;
  }
}

/** Tags that could not be deleted, are there again, or are lost. */
function countUnfinished(tally: Tally): number {
  const { lost, stillThere } = verifyFigures(tally.verification());
  return tally.figures().failed + lost + stillThere;
}

/** All that is known when the first step begins. */
interface Execution {
  readonly intent: Intent;
  readonly connection: Connection;
  readonly binding: Binding;
  readonly lease: HeldLease | undefined;
  readonly runId: string;
  readonly setting: SettingsNow;
  readonly credentials: Credentials;
  readonly window: WindowKeeper | undefined;
  readonly tally: Tally;
  readonly trail: RunTrail;
}

/** What the steps are given, and how long the registry's last restarts took. */
interface Prepared {
  readonly context: Context;
  readonly restarts: RestartTimes;
}

/** Begins the run, or goes on with it. */
async function prepare(world: World, given: Execution): Promise<Prepared> {
  const { intent, connection, binding, lease, runId, credentials, window, tally } = given;
  const { resumed } = intent;
  const restarts = await rememberedRestarts(world, binding);
  const run = await openRun(world, intent, { id: runId, binding });
  given.trail.begin(run, { resumed: resumed !== undefined, binding });
  const registry = await world.openRegistry({ run: runId, connection, credentials });
  const signal = lease ? AbortSignal.any([world.work, lease.lost]) : world.work;
  const context: Context = {
    settings: settingsOf(world, binding.context),
    environments: intent.environments,
    run,
    registry,
    pod: usesPod(world.options) ? connection.pod : undefined,
    workload: connection.workload,
    collector: connection.collector,
    reclaim: intent.reclaims ? bookOfRun(run, { store: intent.store, binding, tally }) : undefined,
    imagesInUse: new ImagesInUse({
      port: connection.imagesInUse,
      known: intent.inUse,
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
    plans: new Map(intent.plans.map((plan) => [plan.ref.repository, plan])),
    reviewed: new Map(),
    verification: undefined,
    imageSizes: undefined,
    outcomes: resumed?.outcomes ?? new Outcomes(),
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
  return { context, restarts };
}

async function execute(
  world: World,
  { intent, setting, tally }: Execution,
  { context, restarts }: Prepared,
): Promise<void> {
  try {
    await withSafetyNet(context, () =>
      carryOut(world, context, { deletes: intent.deletes, setting, lastRestarts: restarts }),
    );
  } finally {
    tally.saved = await savedFigures(context.run);
  }
}

async function savedFigures({ saved }: RunHandle): Promise<Tally['saved']> {
  // However the run has ended, this is no reason for another end.
  const bytes = await saved.size().catch(() => 0);
  return bytes > 0 ? { file: saved.place, bytes } : undefined;
}

/** Finds out which cluster it is, and whether one may do there what this needs. */
async function approach(world: World, intent: Intent, runId: string) {
  const connection = await world.connect(runId);
  const binding = await identify(world, connection, boundBy(intent));
  await requirePermissions(world, connection, {
    deleting: changesCluster(intent),
    reclaiming: intent.reclaims,
  });
  return { connection, binding };
}

interface Arrived {
  readonly connection: Connection;
  readonly lease: HeldLease | undefined;
  readonly runId: string;
}

/** Asks of the cluster what has to be known before the first step. */
async function inspect(world: World, intent: Intent, arrived: Arrived) {
  const { connection, runId } = arrived;
  await clearAway(world, intent, arrived);
  const setting = await inspectWorkload(world, connection, { run: runId, deleting: intent.deletes });
  if (intent.reclaims && !setting.readOnlyByThisRun) await requireCollectable(world, connection);
  const credentials = await findCredentials(world, connection);
  return { setting, credentials };
}

/** Puts right, and away, what earlier runs of this state folder have left in the cluster. */
async function clearAway(
  world: World,
  { replaced, putsBackFirst, store }: Intent,
  { connection, lease, runId }: Arrived,
): Promise<void> {
  await removeDeadPod(world, connection, { store, runId });
  if (putsBackFirst && replaced && lease)
    await restoreBeforeFresh(world, { connection, lease, run: replaced });
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
