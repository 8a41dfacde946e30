/** A run that is killed with `kill -9` at random moments, and resumed each time. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as passed } from 'node:timers/promises';
import { Random } from '../../../scripts/sandbox/random.ts';
import { deletions, repeated } from './access-log.ts';
import type { Command } from './command.ts';
import { runRecord } from './run-folder.ts';
import type { Site } from './site.ts';
import { eventually } from './wait.ts';

const BEFORE_DELETING = ['deploy-pod', 'list-new', 'list-legacy', 'enable-delete'];
const AFTER_DELETING = ['move-done', 'disable-delete', 'teardown'];
/** A moment lies up to this long after what it is counted from. */
const SPREAD_MS = 400;

export interface OrdealOptions {
  readonly kills: number;
  /** The same seed kills at the same moments, as far as the machine's own pace lets it. */
  readonly seed: number;
  readonly concurrency: number;
  readonly report?: (line: string) => void;
}

export interface OrdealResult {
  readonly kills: number;
  readonly deletions: number;
  readonly repeated: number;
  /** The most DELETEs that may be repeated: kills × (concurrency + what fits into a quarter of a second). */
  readonly allowed: number;
}

/** Begins a deleting run and kills it `kills` times; it is left killed. @throws when the run ends before that */
export async function killAgainAndAgain(site: Site, options: OrdealOptions): Promise<OrdealResult> {
  const random = new Random(options.seed);
  const log = site.sandbox.registryLog;
  const before = (await deletions(log)).length;
  const { doomedManifests } = site.judge();
  for (let kill = 1; kill <= options.kills; kill += 1) {
    const begun = kill === 1 ? ['--delete', '--yes'] : ['--resume'];
    const command = site.start([...begun, '--concurrency', String(options.concurrency)]);
    const done = new Set((await deletions(log)).slice(before).map(({ manifest }) => manifest)).size;
    const moment = choose(random, {
      killsLeft: options.kills - kill,
      manifestsLeft: doomedManifests - done,
    });
    await reach(command, moment, log);
    command.kill('SIGKILL');
    assert.equal((await command.ended).signal, 'SIGKILL', `killed ${tell(moment)}\n${command.output}`);
    options.report?.(
      `kill ${kill}: ${tell(moment)}; ${done} of ${doomedManifests} manifests were gone before`,
    );
    await site.assertNothingLost();
    assert.notEqual(runRecord(site.stateDir).stage, 'finished');
  }
  const all = (await deletions(log)).slice(before);
  const inQuarter = Math.ceil((await fastestSecond(log)) / 4);
  return {
    kills: options.kills,
    deletions: all.length,
    repeated: repeated(all),
    allowed: options.kills * (options.concurrency + inQuarter),
  };
}

/** When to kill: so long after a step's begin, or after so many more DELETEs. */
type Moment = { readonly spreadMs: number } & ({ readonly step: string } | { readonly deletions: number });

/** Most moments are in the midst of deleting; those after it have to be the last ones. */
function choose(random: Random, given: { killsLeft: number; manifestsLeft: number }): Moment {
  const upTo = (limit: number) => random.next() % Math.max(1, limit);
  const step = (steps: readonly string[]) => ({
    step: steps[upTo(steps.length)] as string,
    spreadMs: upTo(SPREAD_MS),
  });
  if (given.killsLeft === 0) return { ...step(AFTER_DELETING), spreadMs: 0 };
  const share = Math.floor(given.manifestsLeft / (given.killsLeft + 2));
  if (share === 0 || upTo(3) === 0) return step(BEFORE_DELETING);
  return { deletions: 1 + upTo(share), spreadMs: upTo(20) };
}

async function reach(command: Command, moment: Moment, log: string): Promise<void> {
  if ('step' in moment) await command.step(moment.step);
  else {
    const before = (await deletions(log)).length;
    await eventually(`${moment.deletions} more deletions`, async () => {
      if (command.hasEnded) throw new Error(`the run ended before it was killed:\n${command.output}`);
      return (await deletions(log)).length >= before + moment.deletions;
    });
  }
  await passed(moment.spreadMs);
}

function tell(moment: Moment): string {
  const after = 'step' in moment ? `the begin of ${moment.step}` : `${moment.deletions} more deletions`;
  return `${moment.spreadMs} ms after ${after}`;
}

/** The most DELETEs that the log has within one second. */
async function fastestSecond(log: string): Promise<number> {
  const bySecond = new Map<string, number>();
  for (const [, second = ''] of (await readFile(log, 'utf8')).matchAll(/\[([^\]]+)\] "DELETE /g))
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
  return Math.max(0, ...bySecond.values());
}
