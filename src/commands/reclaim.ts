/** `reclaim`: collects the registry's garbage, and does nothing else. */
import { InterruptedError, RefusedError, UsageError, WindowOverError } from '../domain/errors.ts';
import { tellReclaimed } from '../domain/reclaim.ts';
import { describe } from '../domain/workload.ts';
import type { HeldLease, StepView } from '../ports.ts';
import { collect, foresee } from '../steps/collect-garbage.ts';
import { ensureReadOnly } from '../steps/make-read-only.ts';
import type { ReclaimBook, ReclaimContext } from '../steps/reclaim-context.ts';
import { putSettingBack, withLease } from './lease.ts';
import { identify, inspectWorkload, requireCollectable, requirePermissions } from './preflight.ts';
import { bookWithoutRun } from './reclaim-book.ts';
import { inSafetyNet, runEach } from './safety-net.ts';
import { settingsOf } from './settings.ts';
import { openWindow, rememberedRestarts } from './window.ts';
import type { Connection, Tally, World } from './world.ts';

/** What cannot be undone, for whoever is asked to agree. */
export const FOR_GOOD = 'What was deleted, by this and by earlier runs, can then no longer be taken back.';

/** Collects garbage; with `--dry-run` only tells what the collector would take. */
export async function reclaim(world: World, tally: Tally): Promise<void> {
  const { options, person } = world;
  tally.mode = 'reclaim';
  if (!options.dryRun && !options.yes && !person.present)
    throw new UsageError('Collecting garbage has to be confirmed, and there is no terminal to ask in.', {
      next: 'Add --yes to confirm it beforehand, or look first with --dry-run.',
    });
  const window = openWindow(world);
  const store = options.dryRun ? undefined : await world.openStore();
  const id = world.newRunId();
  const connection = await world.connect(id);
  const binding = await identify(world, connection, undefined);
  await requirePermissions(world, connection, {
    deleting: !options.dryRun,
    reclaiming: true,
    registry: false,
  });
  person.say(
    `Looking at ${describe(await connection.workload.read(world.work))} (context ${binding.context}).`,
  );
  const contextWith = (given: Pick<ReclaimContext, 'lease' | 'reclaim' | 'signal'>): ReclaimContext => ({
    settings: settingsOf(world, binding.context),
    workload: connection.workload,
    collector: connection.collector,
    person,
    clock: world.clock,
    window,
    uninterrupted: world.safety,
    manualRestore: undefined,
    ...given,
  });
  if (store === undefined)
    return await tellGarbage(contextWith({ lease: undefined, reclaim: undefined, signal: world.work }));
  await withLease(world, connection, async (lease) => {
    await inspectWorkload(world, connection, { run: id, deleting: false });
    await requireCollectable(world, connection);
    window?.learn(await rememberedRestarts(world, binding));
    window?.requireRoom(2, 'Nothing was changed. Start again with a longer --stop-after.');
    await requireConfirmation(world, binding.context);
    const book = bookWithoutRun(id, { store, binding, tally });
    const signal = AbortSignal.any([world.work, lease.lost]);
    await work(world, connection, { context: contextWith({ lease, reclaim: book, signal }), lease, book });
  });
}

async function tellGarbage(context: ReclaimContext): Promise<void> {
  const { person } = context;
  const view: StepView = {
    key: 'collect-garbage',
    title: 'look for garbage',
    skip: undefined,
    async run(progress) {
      const found = await foresee(context, progress);
      person.event({ event: 'reclaimable', ...found });
      return `the collector would take ${tellReclaimed(found)}`;
    },
  };
  await person.steps([view]);
}

async function requireConfirmation(world: World, context: string): Promise<void> {
  const { options, person } = world;
  if (options.yes) return;
  person.say(`The registry will be read-only for as long as it takes, and restart twice. ${FOR_GOOD}`);
  const question = `To collect the garbage of ${options.registryWorkload}, type the context's name (${context}): `;
  if (await person.confirm(question, context)) return;
  throw new RefusedError('Nothing was changed: it was not confirmed.');
}

async function work(
  world: World,
  connection: Connection,
  given: { context: ReclaimContext; lease: HeldLease; book: ReclaimBook },
): Promise<void> {
  const { context, lease, book } = given;
  const view = (
    key: 'make-read-only' | 'collect-garbage' | 'make-writable',
    title: string,
    run: StepView['run'],
  ): StepView => ({ key, title, skip: undefined, run });
  const steps = [
    view('make-read-only', 'make read-only', (progress) => ensureReadOnly(context, progress)),
    view('collect-garbage', 'collect garbage', async (progress) =>
      tellReclaimed(await collect(context, progress)),
    ),
  ];
  const makeWritable = view('make-writable', 'make writable', async (progress) => {
    const manual = context.manualRestore;
    const restored = await putSettingBack(world, connection, { lease, run: book.run, progress, manual });
    return {
      nothing: 'nothing was changed',
      restored: 'as before',
      left: 'somebody has changed the setting meanwhile; it was left as it is now',
    }[restored];
  });
  const { person, signal, window } = context;
  await inSafetyNet({
    ...{ person, signal },
    work: () => person.steps(steps),
    over: () => window?.workIsOver(),
    after: [() => runEach(person, [makeWritable])],
    told: resumable,
  });
}

function resumable(error: unknown): unknown {
  const next = 'Everything is as before. Start again with: npm run clean -- reclaim';
  if (error instanceof InterruptedError) return new InterruptedError(error.signal, { next });
  if (error instanceof WindowOverError) return new WindowOverError(error.message, { next });
  return error;
}
