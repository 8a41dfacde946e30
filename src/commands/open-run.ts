/** The run that carries an intent out: begun in its folder, or gone on with. */
import { type Binding, moveTo, type RunRecord } from '../domain/run.ts';
import type { RunHandle } from '../ports.ts';
import { noteLast } from '../steps/trail.ts';
import type { Intent } from './intent.ts';
import type { World } from './world.ts';

/** @param given the ID that a new run gets, and what the run is bound to */
export async function openRun(
  world: World,
  intent: Intent,
  given: { readonly id: string; readonly binding: Binding },
): Promise<RunHandle> {
  const run = intent.resumed?.run;
  if (run === undefined) return await begin(world, intent, given);
  await run.update((record) => resumedRecord(record, intent, given.binding));
  return run;
}

/** The new run; only now the one that it takes the place of is given up. */
async function begin(
  world: World,
  intent: Intent,
  given: { readonly id: string; readonly binding: Binding },
): Promise<RunHandle> {
  const { replaced, store } = intent;
  const run = await store.create(newRecord(world, intent, given));
  if (replaced) {
    await replaced.update((record) => moveTo(record, 'given-up'));
    const reason = `run ${run.record.id} has taken its place`;
    await noteLast({ run: replaced, clock: world.clock }, { event: 'end', stage: 'given-up', reason });
  }
  return run;
}

function newRecord(
  { options, clock, operator }: World,
  intent: Intent,
  { id, binding }: { readonly id: string; readonly binding: Binding },
): RunRecord {
  return {
    schema: 1,
    id,
    by: operator,
    startedAt: new Date(clock.now()).toISOString(),
    stage: 'listing',
    ...agreed(intent),
    allowAbsent: options.allowAbsent,
    ...(options.only === undefined ? {} : { only: options.only }),
    binding,
    environments: intent.environments,
    steps: {},
  };
}

function resumedRecord({ figures: _, ...record }: RunRecord, intent: Intent, binding: Binding): RunRecord {
  return { ...record, binding: record.binding ?? binding, ...agreed(intent) };
}

/** What the run is to do, and whether somebody has agreed to it. */
function agreed({
  deletes,
  reclaims,
  confirmed,
}: Intent): Pick<RunRecord, 'deleting' | 'confirmed' | 'reclaim'> {
  return { deleting: deletes, confirmed: confirmed && deletes, ...(reclaims && { reclaim: true }) };
}
