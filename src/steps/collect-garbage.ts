/** Runs the registry's garbage collector inside one of its pods, and follows it. */
import { CollectorOutput } from '../domain/collector-output.ts';
import { UnreachableError } from '../domain/errors.ts';
import {
  type Holding,
  holdingOf,
  type Reclaimed,
  reclaimedBetween,
  tellReclaimed,
  wouldReclaim,
} from '../domain/reclaim.ts';
import { registryContainer } from '../domain/registry-container.ts';
import { recordOf } from '../domain/setting-record.ts';
import { plainText } from '../domain/text.ts';
import type { Progress, RegistryPlace } from '../ports.ts';
import { endCollectors } from './collectors.ts';
import { leaseOf, type Step } from './context.ts';
import {
  inspectReplicas,
  refuseFreshGarbage,
  refuseUncollectable,
  requireNoUploads,
  requireReadOnly,
} from './reclaim-checks.ts';
import { bookOf, placesOf, type ReclaimContext } from './reclaim-context.ts';
import { isTemporary, retrying } from './retry.ts';
import { awaitRollout } from './rollout.ts';

/** A collector whose connection broke is looked after, and then run once more; so often. */
const ATTEMPTS = 5;
const POLL_MS = 1000;
/** How long a collector whose connection broke may take to come to its end by itself. */
const OUTLIVE_MS = 120_000;

export const collectGarbage: Step = {
  key: 'collect-garbage',

  async run(context, progress) {
    return tellReclaimed(await collect(context, progress));
  },
};

/**
 * Collects garbage from a registry that has been made read-only.
 *
 * @throws RefusedError when it is not, or when a push is under way
 */
export async function collect(context: ReclaimContext, progress: Progress): Promise<Reclaimed> {
  const { settings, workload, person, clock } = context;
  const book = bookOf(context);
  const container = registryContainer(await workload.read(context.signal), settings.container);
  // Of all attempts: what one has told of before its connection broke is gone as well.
  const output = new CollectorOutput();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const place = await prepare(context, { container: container.name, progress });
      const before = book.before ?? (await holdingAt(context, place));
      await book.keepBefore(before);
      await book.begin(new Date(clock.now()).toISOString());
      await runCollector(context, { place, dryRun: false, progress, output });
      progress.status('looking at what is left');
      const after = await retrying(() => holdingAt(context, place), context);
      const reclaimed = reclaimedBetween(before, after, output.eligible.size);
      await book.finish(reclaimed);
      if (recordOf(await workload.read(context.signal))?.run !== book.run)
        await restartPods(context, { container: container.name, progress });
      person.event({ event: 'reclaimed', ...reclaimed });
      return reclaimed;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isTemporary(error) || attempt >= ATTEMPTS) throw error;
      progress.status(`looking after the garbage collector: ${error.message}`);
      await outlive(context, { container: container.name, progress });
    }
  }
}

/** What the collector would take, found out by itself. Changes nothing. */
export async function foresee(context: ReclaimContext, progress: Progress): Promise<Reclaimed> {
  const { settings, workload, collector, signal } = context;
  const { name } = registryContainer(await workload.read(signal), settings.container);
  const [replica] = (await inspectReplicas(context, name)).filter(({ place }) => place.pod.ready);
  if (replica === undefined) throw new UnreachableError('No pod of the registry is ready.');
  const { place } = replica;
  const output = new CollectorOutput();
  await runCollector(context, { place, dryRun: true, progress, output });
  return wouldReclaim(output.eligible, await retrying(() => collector.blobs(place, signal), context));
}

interface Where {
  readonly container: string;
  readonly progress: Progress;
}

/** Chooses a pod, and makes sure that nobody writes to the registry, and no other collector reads from it. */
async function prepare(context: ReclaimContext, { container, progress }: Where): Promise<RegistryPlace> {
  const { settings, workload, signal } = context;
  // Of an earlier start that was killed.
  await endCollectors({
    ...context,
    containerName: container,
    progress,
    timeoutMs: settings.restoreTimeoutMs,
    patient: true,
  });
  // A pod may have been replaced meanwhile, as by the drain of a node.
  await awaitRollout({
    ...context,
    containerName: container,
    progress,
    timeoutMs: settings.rolloutTimeoutMs,
    replaceStuckPods: false,
  });
  const replicas = await inspectReplicas(context, container);
  const [replica] = replicas;
  if (replica === undefined) throw new UnreachableError('The registry has no pod any more.');
  const now = await workload.read(signal);
  refuseUncollectable(now, { container: registryContainer(now, { name: container }), replicas });
  requireReadOnly(replicas);
  progress.status('looking for uploads that are under way');
  const recent = await requireNoUploads(context, replica.place);
  if (recent.size > 0) {
    progress.status('looking at what came a moment ago');
    const output = new CollectorOutput();
    await runCollector(context, { place: replica.place, dryRun: true, progress, output });
    refuseFreshGarbage(output.eligible, recent);
  }
  return replica.place;
}

/**
 * Where somebody else has made the registry read-only there is no setting to put back, which would restart it. Its cache
 * has to be emptied all the same.
 */
async function restartPods(context: ReclaimContext, { container, progress }: Where): Promise<void> {
  for (const { pod } of await placesOf(context, container)) {
    await context.workload.deletePod(pod, context.uninterrupted);
    await awaitRollout({
      ...context,
      containerName: container,
      progress,
      timeoutMs: context.settings.rolloutTimeoutMs,
      replaceStuckPods: false,
    });
  }
}

async function holdingAt(
  { collector, signal }: Pick<ReclaimContext, 'collector' | 'signal'>,
  place: RegistryPlace,
): Promise<Holding> {
  return holdingOf(await collector.blobs(place, signal), await collector.usedBytes(place, signal));
}

/** @throws RegistryError (`temporary`) when the connection broke: the collector may still be at work then */
async function runCollector(
  context: ReclaimContext,
  given: {
    readonly place: RegistryPlace;
    readonly dryRun: boolean;
    readonly progress: Progress;
    /** What it prints is added to this. */
    readonly output: CollectorOutput;
  },
): Promise<void> {
  const { place, dryRun, progress, output } = given;
  const { collector, signal } = context;
  output.announced = undefined;
  const requireLeave = () => {
    signal.throwIfAborted();
    // One that takes nothing may run beside another run.
    if (!dryRun) leaseOf(context).requireHeld();
  };
  progress.status('starting the garbage collector');
  const running = await collector.start(place, { dryRun, requireLeave }, signal);
  for await (const line of running.lines) {
    output.read(line);
    tell(output, progress);
  }
  const status = await running.exit;
  if (status === 0) return;
  throw new UnreachableError(
    `The garbage collector in pod ${place.pod.name} ended with ${status}: ${plainText(running.errors().slice(-500))}`,
    { next: adviceFor(status) },
  );
}

function tell({ announced, eligible, manifests, repository }: CollectorOutput, progress: Progress): void {
  if (announced === undefined) progress.status(`${manifests} manifests found; looking through ${repository}`);
  else progress.update({ done: eligible.size, total: announced, text: 'blobs' });
}

function adviceFor(status: number): string {
  // 128 + SIGKILL, 128 + SIGTERM
  if (status === 137)
    return "It was killed, perhaps for want of memory: it needs room beside the registry within its container's limit. Nothing that is needed was taken.";
  if (status === 143) return 'Somebody has ended it. Nothing that is needed was taken; start again.';
  return 'Nothing that is needed was taken. Put right what it says, then start again.';
}

/**
 * A collector goes on when its connection has broken: waits until none lives, wherever it may be. But not for ever: when
 * nobody takes any more what it prints it is stuck as soon as the pipe is full, and the registry stays read-only
 * meanwhile. One that still lives then is ended by `prepare`, which does no harm; the next one finds less to do.
 */
async function outlive(context: ReclaimContext, { container, progress }: Where): Promise<void> {
  const { workload, collector, clock, signal } = context;
  const startedAt = clock.now();
  for (;;) {
    let living = 0;
    for (const pod of await workload.pods(signal))
      living += await retrying(() => collector.count({ pod, container }, signal), context).catch(
        (error: unknown) => {
          // A pod that has gone has none; `prepare` makes sure of it.
          signal.throwIfAborted();
          if (isTemporary(error)) return 0;
          throw error;
        },
      );
    if (living === 0 || clock.now() - startedAt >= OUTLIVE_MS) return;
    progress.status('the connection to the garbage collector broke; waiting for it to end');
    await clock.sleep(POLL_MS, signal);
  }
}
