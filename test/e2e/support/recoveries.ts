/** Runs that are killed with `kill -9`, and put right by `recover` alone, from a folder that knows nothing of them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { Random } from '../../../scripts/sandbox/random.ts';
import { STEPS } from './interrupt.ts';
import type { Site } from './site.ts';

/** A moment lies up to this long after the begin of a step. */
const SPREAD_MS = 500;
/** The step in which `undo` puts back what an earlier run has deleted; all others are of a run that deletes. */
const UNDOING = 'put-back';

/**
 * Begins a run, or undoes one, kills it at a random moment of a random step, and recovers; again and again, each time from the
 * beginning. Each step has its turn.
 */
export async function killAndRecover(
  site: Site,
  options: {
    readonly kills: number;
    /** The same seed kills at the same moments, as far as the machine's own pace lets it. */
    readonly seed: number;
    readonly args?: readonly string[];
    readonly report?: (line: string) => void;
  },
): Promise<void> {
  const { kills, args = [], report } = options;
  const random = new Random(options.seed);
  const steps = [...STEPS, UNDOING];
  const offset = random.next() % steps.length;
  for (let kill = 1; kill <= kills; kill += 1) {
    const step = steps[(kill + offset) % steps.length] as string;
    const spreadMs = random.next() % SPREAD_MS;
    const deleting = ['--delete', '--yes', ...args];
    if (step === UNDOING) await site.runs(0, deleting);
    const command = site.start(step === UNDOING ? ['undo', '--yes'] : deleting);
    await command.step(step);
    await passed(spreadMs);
    command.kill('SIGKILL');
    const { signal } = await command.ended;
    await site.assertNothingLost();
    await recoverElsewhere(site, kill);
    report?.(
      `kill ${kill}: ${signal ? `${spreadMs} ms after the begin of ${step}` : 'it had ended by then'}; recovered`,
    );
    await site.reset();
  }
}

/** Recovers from a folder without any state: everything is as before the run, and nothing of it is left. */
async function recoverElsewhere(site: Site, number: number): Promise<void> {
  await site.runs(0, ['recover', '--state-dir', join(site.folder, `elsewhere-${number}`)]);
  await site.assertTidy();
  assert.equal(await site.registry.deletes(), false);
  await site.assertNothingLost();
}
