/** `clean`: list, plan, review, and with `--delete` carry the plan out. */
import type { EnvironmentEntry } from '../domain/environments.ts';
import { UsageError } from '../domain/errors.ts';
import { countFigures, Outcomes, openEntries } from '../domain/outcome.ts';
import type { RepositoryPlan } from '../domain/plan.ts';
import { speaksHttp } from '../domain/route.ts';
import { type Binding, decideStart, isResumable, moveTo, type RunRecord, type Start } from '../domain/run.ts';
import { count } from '../domain/text.ts';
import type { RunHandle, RunStore } from '../ports.ts';
import type { Context } from '../steps/context.ts';
import { restoreSetting } from '../steps/restore.ts';
import { recoverCommand } from './advice.ts';
import { carryOut } from './carry-out.ts';
import { type EarlierRun, planToContinue, readEarlierRun, wasEdited } from './earlier-run.ts';
import {
  containerOf,
  findCredentials,
  identify,
  inspectWorkload,
  requirePermissions,
  usesPod,
} from './preflight.ts';
import { withSafetyNet } from './safety-net.ts';
import type { Connection, Tally, World } from './world.ts';

/** Everything that was read and judged on this machine before the cluster is touched. */
interface Prepared {
  readonly environments: readonly EnvironmentEntry[];
  readonly store: RunStore;
  readonly start: Start;
  readonly latest: RunHandle | undefined;
  /** What the latest run has left on this machine, as far as it may be gone on with. */
  readonly earlier: EarlierRun | undefined;
  readonly plans: readonly RepositoryPlan[];
  /** The run deletes, now or since its first start. */
  readonly deletes: boolean;
  readonly confirmed: boolean;
}

/** @returns how many tags could not be deleted */
export async function clean(world: World, tally: Tally): Promise<{ failed: number }> {
  const prepared = await prepare(world, tally);
  const resumed = prepared.start.action === 'resume' ? prepared.earlier?.run : undefined;
  const runId = resumed?.record.id ?? world.newRunId();
  const { connection, binding, setting, credentials } = await preflight(world, prepared, runId).catch(
    (error: unknown) => {
      if (resumed?.record.stage === 'deleting')
        world.person.warn(
          `A killed start of this run may have left deletion enabled. If you cannot resume it now: ${recoverCommand(world.options)}`,
        );
      throw error;
    },
  );

  const run = resumed ?? (await begin(world, prepared, { id: runId, binding }));
  if (resumed) await resumed.update((record) => resumedRecord(record, prepared, binding));
  const registry = await world.openRegistry({
    run: runId,
    connection,
    credentials,
  });
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
    person: world.person,
    clock: world.clock,
    signal: world.work,
    uninterrupted: world.safety,
    manualRestore: undefined,
    plans: new Map(prepared.plans.map((plan) => [plan.ref.repository, plan])),
    outcomes: resumed && prepared.earlier ? prepared.earlier.outcomes : new Outcomes(),
    plannedAtMs: resumed ? undefined : world.clock.now(),
  };
  tally.folder = run.folder;
  tally.figures = () => countFigures([...context.plans.values()], context.outcomes);
  tally.open = () => openEntries([...context.plans.values()], context.outcomes);

  await withSafetyNet(context, () => carryOut(world, context, { deletes: prepared.deletes, setting }));
  const { failed } = tally.figures();
  if (prepared.deletes) await run.update((record) => moveTo(record, failed > 0 ? 'incomplete' : 'finished'));
  return { failed };
}

/** Reads and judges everything local. */
async function prepare(world: World, tally: Tally): Promise<Prepared> {
  const { options, person } = world;
  tally.mode = options.delete ? 'delete' : 'plan';
  const environments = await world.readEnvironments();
  tally.environments = environments.length;
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
  const confirmed = options.yes || (record?.confirmed ?? false);
  tally.mode = deletes ? 'delete' : 'plan';
  tally.resumed = resumes;
  if (options.only !== undefined && record && record.only !== options.only)
    throw new UsageError(
      `Run ${record.id} was begun ${record.only ? `with --only ${record.only}` : 'without --only'}.`,
      {
        next: 'Resume it without --only; it keeps to what it was begun with.',
      },
    );
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
  return { environments, store, start, latest, earlier, plans, deletes, confirmed };
}

/** The record of the run whose binding counts: the one that is resumed, or that has to be put right first. */
function bound({ start, latest }: Prepared): RunRecord | undefined {
  return start.action === 'resume' || start.action === 'give-up' ? latest?.record : undefined;
}

/** Asks of the cluster what has to be known before the first step. */
async function preflight(world: World, prepared: Prepared, runId: string) {
  const connection = await world.connect(runId);
  const binding = await identify(world, connection, bound(prepared));
  const restores = prepared.start.action === 'give-up';
  await requirePermissions(world, connection, { deleting: prepared.deletes || restores });
  await clearAway(world, connection, { prepared, runId });
  const setting = await inspectWorkload(world, connection, { run: runId, deleting: prepared.deletes });
  const credentials = await findCredentials(world, connection);
  return { connection, binding, setting, credentials };
}

/** Puts right, and away, what earlier runs of this state folder have left in the cluster. */
async function clearAway(
  world: World,
  connection: Connection,
  given: { prepared: Prepared; runId: string },
): Promise<void> {
  const { start, latest, store } = given.prepared;
  const pod = usesPod(world.options) ? await connection.pod.find(world.work) : undefined;
  // The state folder is locked, so a pod of another run that it knows belongs to a program that has died.
  if (pod && pod.run !== given.runId && pod.run !== '' && (await store.knows(pod.run)))
    await (await world.connect(given.runId, { anyRun: true })).pod.remove(world.work);
  if (start.action === 'give-up' && latest) await restoreBeforeFresh(world, connection, latest);
}

async function restoreBeforeFresh(world: World, connection: Connection, run: RunHandle): Promise<void> {
  world.person.say(`Giving up run ${run.record.id}; its change to the registry is put back first.`);
  const restored = await restoreSetting({
    ...world.options,
    workload: connection.workload,
    clock: world.clock,
    signal: world.safety,
    progress: { update() {}, status: (text) => world.person.say(`  ${text}`) },
    context: run.record.binding?.context ?? '',
    container: containerOf(world.options),
    recover: recoverCommand(world.options),
    manual: undefined,
    run: run.record.id,
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
  if (start.action !== 'begin' && latest) await latest.update((record) => moveTo(record, 'given-up'));
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
    startedAt: new Date(clock.now()).toISOString(),
    stage: 'listing',
    deleting: prepared.deletes,
    confirmed: prepared.confirmed && prepared.deletes,
    allowAbsent: options.allowAbsent,
    ...(options.only === undefined ? {} : { only: options.only }),
    binding,
    environments: prepared.environments,
    steps: {},
  };
}

function resumedRecord(record: RunRecord, prepared: Prepared, binding: Binding): RunRecord {
  return {
    ...record,
    binding: record.binding ?? binding,
    deleting: prepared.deletes,
    confirmed: prepared.confirmed && prepared.deletes,
  };
}
