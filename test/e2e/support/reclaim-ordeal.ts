/** Collecting garbage, killed with `kill -9` at random moments; each time somebody else recovers, who knows nothing. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { Random } from '../../../scripts/sandbox/random.ts';
import { CollectorWatch } from './collector-watch.ts';
import type { Site } from './site.ts';

const STEPS = ['make-read-only', 'collect-garbage', 'make-writable'] as const;
/** A moment lies up to this long after a step's begin. */
const SPREAD_MS = 1200;
/** Or so long after a collector was seen to be at work. */
const COLLECTOR_SPREAD_MS = 300;

interface ReclaimOrdealOptions {
  readonly kills: number;
  /** The same seed kills at the same moments, as far as the machine's own pace lets it. */
  readonly seed: number;
  readonly args: readonly string[];
  readonly report?: (line: string) => void;
}

/** Kills `reclaim` again and again. @returns how many collectors were at work when it was killed */
export async function killReclaiming(site: Site, options: ReclaimOrdealOptions): Promise<number> {
  const random = new Random(options.seed);
  using watch = new CollectorWatch(site.sandbox);
  let orphaned = 0;
  for (let kill = 1; kill <= options.kills; kill += 1) {
    // Every second one while a collector is at work.
    const step = kill % 2 === 1 ? 'collector' : (STEPS[random.next() % 3] as string);
    const spreadMs = random.next() % (step === 'collector' ? COLLECTOR_SPREAD_MS : SPREAD_MS);
    const mine = ['--state-dir', join(site.folder, `reclaims-${kill}`)];
    const command = site.start(['reclaim', '--yes', ...mine, ...options.args]);
    if (step !== 'collector') await command.step(step);
    else await command.until('a collector', () => watch.look().collectors.length > 0);
    await Promise.race([passed(spreadMs), command.ended]);
    command.kill('SIGKILL');
    await command.ended;
    const left = watch.look().collectors.length;
    orphaned += left;
    const elsewhere = ['--state-dir', join(site.folder, `recovers-${kill}`)];
    await site.runs(0, ['recover', ...elsewhere]);
    options.report?.(`kill ${kill}: ${spreadMs} ms after the begin of ${step}; ${left} collector left`);
    assert.deepEqual(watch.violations, [], 'no collector lived while the registry took pushes');
    assert.deepEqual(watch.look().collectors, []);
    await site.assertTidy();
    assert.equal(await site.registry.takesPushes(), true);
    await site.assertNothingLost();
  }
  await site.runs(0, ['reclaim', '--yes', ...options.args]);
  assert.deepEqual(watch.violations, []);
  return orphaned;
}
