/** Interrupting a run at a known moment. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { changes, deletions } from './access-log.ts';
import type { Command } from './command.ts';
import { type Site, summaryOf } from './site.ts';

export const STEPS = [
  'deploy-pod',
  'verify-layout',
  'list-new',
  'list-legacy',
  'enable-delete',
  'delete',
  'move-done',
  'disable-delete',
  'verify',
  'teardown',
] as const;
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type Signal = (typeof SIGNALS)[number];

/** Waits until some, but not all, of what is to be untied and deleted has been. */
export async function midDelete(site: Site, command: Command, more = 2): Promise<void> {
  await command.step('delete');
  const log = site.sandbox.registryLog;
  const before = (await changes(log)).length;
  await command.until('a few changes', async () => (await changes(log)).length >= before + more);
}

/** Waits until the first of the manifests has been deleted of which no tag is to be left. */
export async function midManifests(site: Site, command: Command): Promise<void> {
  const log = site.sandbox.registryLog;
  const doomed = new Set(site.judge().doomedManifests);
  const before = (await deletions(log)).length;
  await command.until('a deleted manifest', async () =>
    (await deletions(log)).slice(before).some(({ target }) => doomed.has(target)),
  );
}

/** Begins a run and resumes it, with a signal in each of some steps; each time everything must be as before. */
export async function interruptInSteps(
  site: Site,
  options: {
    readonly steps?: readonly (typeof STEPS)[number][];
    readonly signalOf: (index: number) => Signal;
    readonly args?: readonly string[];
  },
): Promise<void> {
  const { steps = STEPS, signalOf, args = [] } = options;
  for (const [index, step] of steps.entries()) {
    const signal = signalOf(index);
    const code = 128 + constants.signals[signal];
    const command = site.start([...(index === 0 ? ['--delete', '--yes'] : ['--resume']), ...args]);
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
