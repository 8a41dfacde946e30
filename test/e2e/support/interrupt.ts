/** Interrupting a run at a known moment. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { deletions } from './access-log.ts';
import type { Command } from './command.ts';
import { type Site, summaryOf } from './site.ts';
import { eventually } from './wait.ts';

export const STEPS = [
  'deploy-pod',
  'verify-layout',
  'list-new',
  'list-legacy',
  'enable-delete',
  'delete',
  'move-done',
  'disable-delete',
  'teardown',
] as const;
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type Signal = (typeof SIGNALS)[number];

export const BEGIN = ['--delete', '--yes', '--concurrency', '4'];
export const RESUME = ['--resume', '--concurrency', '4'];

/** Waits until some, but not all, of what is doomed has been deleted. */
export async function midDelete(site: Site, command: Command, more = 2): Promise<void> {
  await command.step('delete');
  const before = (await deletions(site.sandbox.registryLog)).length;
  await eventually('a few deletions', async () => {
    assert.ok(!command.hasEnded, command.output);
    return (await deletions(site.sandbox.registryLog)).length >= before + more;
  });
}

/** Begins a run and resumes it, with a signal in every step. After each of them everything must be as before. */
export async function interruptInEveryStep(site: Site, signalOf: (index: number) => Signal): Promise<void> {
  for (const [index, step] of STEPS.entries()) {
    const signal = signalOf(index);
    const code = 128 + constants.signals[signal];
    const command = site.start(index === 0 ? BEGIN : RESUME);
    await command.step(step);
    if (step === 'delete') await midDelete(site, command);
    command.kill(signal);
    const ended = await command.ended;
    assert.equal(ended.code, code, `${signal} in ${step}: ${ended.code} ${ended.signal}\n${command.output}`);
    assert.equal(summaryOf(ended).exitCode, code);
    assert.match(ended.stderr, /--resume/, step);
    await site.assertNothingLost();
    await site.assertTidy();
  }
}
