/** Killed or interrupted in every step, then resumed. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { after, before, beforeEach, describe, test } from 'node:test';
import { deletions } from './support/access-log.ts';
import type { Command } from './support/command.ts';
import { runRecord } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';
import { eventually } from './support/wait.ts';

const STEPS = [
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
const BEGIN = ['--delete', '--yes', '--concurrency', '4'];
const RESUME = ['--resume', '--concurrency', '4'];

let site: Site;
before(async () => {
  site = await Site.open();
});
after(() => site[Symbol.asyncDispose]());
beforeEach(() => site.reset());

/** Waits until some, but not all, of what is doomed has been deleted. */
async function midDelete(command: Command): Promise<void> {
  await command.step('delete');
  const before = (await deletions(site.sandbox.registryLog)).length;
  await eventually('a few deletions', async () => {
    assert.ok(!command.hasEnded, command.output);
    return (await deletions(site.sandbox.registryLog)).length >= before + 2;
  });
}

describe('in every step', () => {
  test('kill -9, then --resume', async () => {
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
    for (const [index, step] of STEPS.entries()) {
      const command = site.start(index === 0 ? BEGIN : RESUME);
      await command.step(step);
      if (step === 'delete') await midDelete(command);
      command.kill('SIGKILL');
      assert.equal((await command.ended).signal, 'SIGKILL', step);
      await site.assertNothingLost();
    }
    const ended = await site.runs(0, RESUME);
    await site.assertCleaned();
    const { planned, deleted, alreadyGone, resumed } = summaryOf(ended);
    assert.equal(planned, site.judge().doomed.length);
    assert.equal(Number(deleted) + Number(alreadyGone), planned);
    assert.equal(resumed, true);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`${signal}: everything is put back at once; then --resume`, async () => {
      await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
      const code = 128 + constants.signals[signal];
      for (const [index, step] of STEPS.entries()) {
        const command = site.start(index === 0 ? BEGIN : RESUME);
        await command.step(step);
        if (step === 'delete') await midDelete(command);
        command.kill(signal);
        const ended = await command.ended;
        assert.equal(
          ended.code,
          code,
          `${step}: ${ended.code} ${ended.signal}\n${ended.stdout}${ended.stderr}`,
        );
        assert.equal(summaryOf(ended).exitCode, code);
        assert.match(ended.stderr, /--resume/, step);
        await site.assertNothingLost();
        await site.assertTidy();
      }
      await site.runs(0, RESUME);
      await site.assertCleaned();
    });
  }
});

describe('through npm run clean', () => {
  test('the end of npm, or Ctrl+C for all, puts everything back; then --resume', async () => {
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
    const ends: Readonly<Record<string, (command: Command) => void>> = {
      'SIGTERM to npm': (command) => command.kill('SIGTERM'),
      'SIGHUP to npm': (command) => command.kill('SIGHUP'),
      'kill -9 of npm': (command) => command.kill('SIGKILL'),
      'Ctrl+C': (command) => command.killGroup('SIGINT'),
    };
    for (const [index, [name, end]] of Object.entries(ends).entries()) {
      const args = [...(index === 0 ? ['--delete', '--yes'] : ['--resume']), '--concurrency', '1'];
      const command = site.start(args, { through: 'npm' });
      await midDelete(command);
      end(command);
      // Settles when the program has closed its standard output, even if npm has left it behind.
      const ended = await command.ended;
      assert.ok(Number(summaryOf(ended).exitCode) > 128, `${name}: ${ended.stdout}${ended.stderr}`);
      await site.assertNothingLost();
      await site.assertTidy();
      assert.equal(runRecord(site.stateDir).stage, 'deleting', name);
    }
    await site.runs(0, RESUME, { through: 'npm' });
    await site.assertCleaned();
  });
});
