/** `undo`: puts back what a run has deleted, as far as the registry's garbage collector has left its layers. */
import { InterruptedError, RefusedError, UsageError } from '../domain/errors.ts';
import { type EnvironmentId, parseEnvironmentId } from '../domain/names.ts';
import { whyNotTakenBack } from '../domain/reclaim.ts';
import { speaksHttp } from '../domain/route.ts';
import { isResumable, isRunId, moveTo } from '../domain/run.ts';
import { count, plainText } from '../domain/text.ts';
import { chooseLost, countUndone, type LostTag, type UndoEntry, type UndoFigures } from '../domain/undo.ts';
import type { HeldLease, RunGlimpse, SavedContent, StepView } from '../ports.ts';
import { concurrently } from '../steps/concurrently.ts';
import { guardedContent } from '../steps/guarded-registry.ts';
import { PutBack } from '../steps/put-back.ts';
import { reachRegistry } from '../steps/reach.ts';
import { removeDeadPod } from './dead-pod.ts';
import { withLease } from './lease.ts';
import { findCredentials, identify, inspectWorkload, requirePermissions, usesPod } from './preflight.ts';
import { inSafetyNet, runEach } from './safety-net.ts';
import { settingsOf } from './settings.ts';
import type { Connection, World } from './world.ts';

/** Tags under way for each operation at a time. */
const IN_FLIGHT = 2;

/** What the words behind `undo` say. */
interface Request {
  readonly run: string | undefined;
  readonly environments: readonly EnvironmentId[];
}

/** What is to be put back. */
interface Lost {
  readonly from: RunGlimpse;
  readonly saved: SavedContent;
  readonly tags: readonly LostTag[];
}

/** What has come of it, kept while the command runs, so that it can be told at every end. */
export class UndoTally {
  /** The run's ID; empty until it is known. */
  run = '';
  tags = 0;
  readonly entries: UndoEntry[] = [];

  figures(): UndoFigures {
    return countUndone(this.tags, this.entries);
  }
}

/** @returns how many tags could not be put back, or not with all that their images need */
export async function undo(
  world: World,
  words: readonly string[],
  tally: UndoTally,
): Promise<{ failed: number }> {
  requirePossible(world);
  const request = readWords(words);
  const store = await world.openStore();
  const latest = await store.latest();
  const lost = await findLost(world, request);
  const { record } = lost.from;
  const final = whyNotTakenBack(record);
  if (final !== undefined)
    world.person.warn(`${final} Of that only images whose layers others still need come back.`);
  tally.run = record.id;
  tally.tags = lost.tags.length;
  try {
    const id = world.newRunId();
    const connection = await world.connect(id);
    const binding = await identify(
      world,
      connection,
      record,
      'Give the options that it was begun with: --context, --registry, --namespace, --registry-workload.',
    );
    await requirePermissions(world, connection, { deleting: true, inUse: false });
    await requireConfirmation(world, lost, binding.context);
    await withLease(world, connection, async (lease) => {
      await removeDeadPod(world, connection, { store, runId: id });
      await putBack(world, { lost, tally, connection, lease, id, context: binding.context });
    });
  } finally {
    await lost.saved.close();
  }
  const { incomplete, failed } = tally.figures();
  // Resumed, it would delete what was not yet deleted of a plan whose other half is back.
  if (latest?.record.id === record.id && isResumable(latest.record)) {
    await latest.update((before) => moveTo(before, 'given-up'));
    world.person.say(`Run ${record.id} was not finished; it is given up.`);
  }
  return { failed: incomplete + failed };
}

/** @throws UsageError when it cannot be done in this way, or nobody could agree to it */
function requirePossible({ options, person }: World): void {
  if (!speaksHttp(options.via))
    throw new UsageError('Skopeo cannot put a manifest back without its layers.', {
      next: 'Use --via pod, --via port-forward or --via direct.',
    });
  if (!options.yes && !person.present)
    throw new UsageError('Putting back has to be confirmed, and there is no terminal to ask in.', {
      next: 'Add --yes to confirm it beforehand.',
    });
}

function readWords(words: readonly string[]): Request {
  const environments: EnvironmentId[] = [];
  const runs: string[] = [];
  for (const word of words) {
    const environment = parseEnvironmentId(word);
    if (environment !== undefined) environments.push(environment);
    else if (isRunId(word)) runs.push(word);
    else
      throw new UsageError(`"${plainText(word, 80)}" is neither a run nor an environment.`, {
        next: 'A run is called like 20261123T101500Z-3f9a1c (its folder in the state folder), an environment is 24 hex digits.',
      });
  }
  if (runs.length > 1) throw new UsageError('Only one run at a time can be undone.');
  return { run: runs[0], environments };
}

async function findLost(world: World, request: Request): Promise<Lost> {
  const from = await findRun(world, request);
  const { record } = from;
  if ((await from.saved.size()) === 0)
    throw new RefusedError(`Run ${record.id} has saved nothing that could be put back.`, {
      next: 'It has deleted nothing, or was a run of an earlier version, which did not save what it deleted.',
    });
  const saved = await from.saved.read();
  try {
    return { from, saved, tags: await chooseTags(world, request, { from, saved }) };
  } catch (error) {
    await saved.close();
    throw error;
  }
}

async function chooseTags(
  world: World,
  request: Request,
  { from, saved }: Pick<Lost, 'from' | 'saved'>,
): Promise<readonly LostTag[]> {
  const { record } = from;
  const { only } = world.options;
  const { environments } = request;
  const { tags, foreign, absent } = chooseLost(saved.tags, await from.read(), { only, environments });
  if (saved.damaged > 0)
    world.person.warn(`${count(saved.damaged, 'entry', 'entries')} in ${from.saved.place} cannot be read.`);
  if (foreign > 0)
    world.person.warn(
      `${count(foreign, 'entry', 'entries')} in ${from.saved.place} are no tags that run ${record.id} was to delete; they are left out.`,
    );
  if (absent.length > 0)
    throw new UsageError(`Run ${record.id} has deleted nothing of ${absent.join(', ')}.`, {
      next: 'Nothing was changed.',
    });
  if (tags.length === 0)
    throw new RefusedError(
      `There is nothing to put back of run ${record.id}${only ? ` with --only ${only}` : ''}.`,
      {
        next: 'Name another run. Nothing was changed.',
      },
    );
  return tags;
}

/** The run that was named, or the newest that has deleted something. */
async function findRun({ options, archive }: World, { run }: Request): Promise<RunGlimpse> {
  if (options.from !== undefined) {
    const found = await archive.at(options.from);
    if (run !== undefined) throw new UsageError('Name a run or a folder (--from), not both.');
    if (found !== undefined) return found;
    throw new UsageError(`${options.from} is not the folder of a run.`, {
      next: 'It has to be a folder with a run.json, as there is one for every run in the state folder.',
    });
  }
  if (run !== undefined) {
    const found = await archive.find(run);
    if (found !== undefined) return found;
    throw new UsageError(`There is no run ${run} in ${options.stateDir}.`, {
      next: 'Name the right folder with --state-dir, or the folder of the run with --from.',
    });
  }
  for (const each of await archive.recent(Number.POSITIVE_INFINITY)) if (await hasDeleted(each)) return each;
  throw new UsageError(`No run in ${options.stateDir} has deleted anything.`, {
    next: 'Name the right folder with --state-dir, or the folder of a run with --from.',
  });
}

async function hasDeleted(run: RunGlimpse): Promise<boolean> {
  const { deleting, stage } = run.record;
  if (!deleting) return false;
  // Killed, it may have deleted something that its journal does not tell of.
  if (stage === 'deleting' && (await run.saved.size()) > 0) return true;
  return (await run.read()).outcomes.with('deleted').length > 0;
}

async function requireConfirmation(
  { options, person }: World,
  { from, tags }: Lost,
  context: string,
): Promise<void> {
  const { record, saved } = from;
  person.say(
    `Run ${record.id}${record.by === undefined ? '' : ` of ${record.by}`}, begun ${record.startedAt}: ${count(tags.length, 'tag')} to put back, from ${saved.place}.`,
  );
  if (isResumable(record)) person.say('It is not finished. When this is done it is given up.');
  if (options.yes) return;
  const agreed = await person.confirm(
    `To put ${count(tags.length, 'tag')} back into ${options.registry}, type the context's name (${context}): `,
    context,
  );
  if (!agreed) throw new RefusedError('Nothing was put back: it was not confirmed.');
}

/** It can be gone on with, which what ended the work cannot know. */
function repeatable(error: unknown): unknown {
  if (!(error instanceof InterruptedError)) return error;
  return new InterruptedError(error.signal, {
    next: 'What is back stays. The same command goes on with the rest.',
  });
}

interface Work {
  readonly lost: Lost;
  readonly tally: UndoTally;
  readonly connection: Connection;
  readonly lease: HeldLease;
  /** Of this undo: its pod and its requests bear it. */
  readonly id: string;
  /** The kubeconfig context's name. */
  readonly context: string;
}

async function putBack(world: World, given: Work): Promise<void> {
  const { options, person, clock } = world;
  const { lost, tally, connection, lease, id } = given;
  await inspectWorkload(world, connection, { run: id, deleting: false });
  const credentials = await findCredentials(world, connection);
  const registry = await world.openRegistry({ run: id, connection, credentials });
  if (registry.content === undefined) throw new Error(`--via ${options.via} cannot put anything back`);
  const content = guardedContent(registry.content, () => lease.requireHeld());
  const signal = AbortSignal.any([world.work, lease.lost]);
  const pod = usesPod(options) ? connection.pod : undefined;
  const settings = settingsOf(world, given.context);
  const asker = { registry, pod, clock, signal, settings };
  const putter = new PutBack(asker, { content, saved: lost.saved });
  const steps: readonly StepView[] = [
    {
      key: 'deploy-pod',
      title: pod ? 'deploy pod' : 'reach the registry',
      skip: undefined,
      run: async (progress) => {
        await reachRegistry(asker, progress);
        return undefined;
      },
    },
    {
      key: 'put-back',
      title: 'put back',
      skip: undefined,
      async run(progress) {
        const total = lost.tags.length;
        await concurrently(lost.tags, options.concurrency * IN_FLIGHT, async (tag) => {
          signal.throwIfAborted();
          const entry = await putter.tag(tag);
          tally.entries.push(entry);
          person.event({ event: 'undone', ...entry });
          progress.update({ done: tally.entries.length, total, text: 'tags' });
        });
        const { restored, there } = tally.figures();
        return `${restored + there} of ${count(total, 'tag')}`;
      },
    },
  ];
  const teardown: StepView = {
    key: 'teardown',
    title: 'teardown',
    skip: undefined,
    async run() {
      try {
        await registry.close();
      } finally {
        await pod?.remove(world.safety);
      }
      return pod ? undefined : `--via ${options.via} needs no pod`;
    },
  };
  await inSafetyNet({
    ...{ person, signal },
    work: () => person.steps(steps),
    after: [() => runEach(person, [teardown])],
    told: repeatable,
  });
}
