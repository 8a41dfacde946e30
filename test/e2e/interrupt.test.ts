/** Killed or interrupted in every step, then resumed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Command } from './support/command.ts';
import { interruptInSteps, midDelete, SIGNALS, type Signal, STEPS } from './support/interrupt.ts';
import { runRecord } from './support/run-folder.ts';
import { type Route, Site, summaryOf } from './support/site.ts';

const DELETING = ['--delete', '--yes'];

/** How a run is begun over each of the routes, with what is special about the route in force for every tag. */
const WAYS = {
  pod: ['--strategy', 'untag-first', '--concurrency', '4'],
  skopeo: ['--concurrency', '4'],
} as const;

// Each with a sandbox of its own, at the same time: most of a chain of runs is waiting.
describe('killed or interrupted', { concurrency: true }, () => {
  const killed = {
    pod: STEPS,
    // What else there is does not depend on the way to the registry.
    skopeo: ['deploy-pod', 'list-new', 'list-legacy', 'delete'],
  } as const;
  for (const [via, steps] of Object.entries(killed)) {
    test(`in steps by kill -9; then --resume (${via})`, async () => {
      await using site = await Site.open({ via: via as Route });
      await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
      const args = WAYS[via as keyof typeof WAYS];
      for (const [index, step] of steps.entries()) {
        const command = site.start([...(index === 0 ? DELETING : ['--resume']), ...args]);
        await command.step(step);
        if (step === 'delete') await midDelete(site, command);
        command.kill('SIGKILL');
        assert.equal((await command.ended).signal, 'SIGKILL', step);
        await site.assertNothingLost();
      }
      const ended = await site.runs(0, ['--resume', ...args]);
      await site.assertCleaned();
      const { planned, deleted, alreadyGone, resumed } = summaryOf(ended);
      assert.equal(planned, site.judge().doomed.length);
      assert.equal(Number(deleted) + Number(alreadyGone), planned);
      assert.equal(resumed, true);
    });
  }

  // Every signal in every step would be 30 runs; scripts/ordeal.ts does them all.
  const interrupted = {
    pod: STEPS,
    skopeo: ['list-new', 'delete', 'disable-delete'],
  } as const;
  for (const [via, steps] of Object.entries(interrupted))
    test(`in steps by a signal: all is put back at once; then --resume (${via})`, async () => {
      await using site = await Site.open({ via: via as Route });
      await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
      const args = WAYS[via as keyof typeof WAYS];
      const signalOf = (index: number) => SIGNALS[index % SIGNALS.length] as Signal;
      await interruptInSteps(site, { steps, signalOf, args });
      await site.runs(0, ['--resume', ...args]);
      await site.assertCleaned();
    });

  test('through npm run clean, by the end of npm or Ctrl+C for all; then --resume', async () => {
    await using site = await Site.open();
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
    const ends: Readonly<Record<string, (command: Command) => void>> = {
      'SIGTERM to npm': (command) => command.kill('SIGTERM'),
      'SIGHUP to npm': (command) => command.kill('SIGHUP'),
      'kill -9 of npm': (command) => command.kill('SIGKILL'),
      'Ctrl+C': (command) => command.killGroup('SIGINT'),
    };
    for (const [index, [name, end]] of Object.entries(ends).entries()) {
      const args = [...(index === 0 ? DELETING : ['--resume']), '--concurrency', '1'];
      const command = site.start(args, { through: 'npm' });
      await midDelete(site, command);
      end(command);
      // Settles when the program has closed its standard output, even if npm has left it behind.
      const ended = await command.ended;
      assert.ok(Number(summaryOf(ended).exitCode) > 128, `${name}: ${ended.stdout}${ended.stderr}`);
      await site.assertNothingLost();
      await site.assertTidy();
      assert.equal(runRecord(site.stateDir).stage, 'deleting', name);
    }
    await site.runs(0, ['--resume'], { through: 'npm' });
    await site.assertCleaned();
  });
});
