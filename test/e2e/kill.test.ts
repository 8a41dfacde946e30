/** `kill -9` at random moments; then the end of the run, or the recovery of a stranger. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { killAgainAndAgain } from './support/ordeal.ts';
import { killAndRecover } from './support/recoveries.ts';
import { type Route, Site, summaryOf } from './support/site.ts';

const CONCURRENCY = 4;
const seed = Number(process.env.ORDEAL_SEED ?? Date.now() % 1_000_000);

// Each with a sandbox of its own, at the same time: much of it is waiting.
describe('killed again and again: the same end', { concurrency: true }, () => {
  const ordeals = {
    'untag first, resumed': { via: 'pod', strategy: 'untag-first', kills: 4 },
    'untag first, every second time begun anew elsewhere': {
      ...{ via: 'pod', strategy: 'untag-first', kills: 4, anewEvery: 2 },
    },
    'by Skopeo, resumed': { via: 'skopeo', strategy: 'by-digest', kills: 4 },
  } as const;
  for (const [name, { via, strategy, ...ordeal }] of Object.entries(ordeals))
    test(name, async (context) => {
      context.diagnostic(`to repeat it: ORDEAL_SEED=${seed}`);
      await using site = await Site.open({ revisions: 9, via: via as Route });
      await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 15 });
      const args = ['--strategy', strategy];
      const result = await killAgainAndAgain(site, { ...ordeal, seed, concurrency: CONCURRENCY, args });
      for (const { repeated, allowed } of [result.untied, result.deleted])
        assert.ok(repeated <= allowed, `${repeated} repeated, ${allowed} allowed`);
      const ended = await site.runs(0, ['--resume', '--state-dir', result.stateDir, ...args]);
      await site.assertCleaned({ mayLeaveOrphans: result.anew > 0 });
      const { planned, deleted, alreadyGone, failed, drifted } = summaryOf(ended);
      if (result.anew === 0) assert.equal(planned, site.judge().doomed.length);
      assert.equal(Number(deleted) + Number(alreadyGone), planned);
      assert.deepEqual([failed, drifted], [0, 0]);
    });
});

test('killed at any moment: recover alone puts everything right', async (context) => {
  context.diagnostic(`to repeat it: ORDEAL_SEED=${seed}`);
  await using site = await Site.open();
  await killAndRecover(site, { kills: 3, seed });
});

describe('killed in mid-delete', () => {
  let site: Site;
  before(async () => {
    site = await Site.open({ revisions: 9 });
  });
  after(() => site[Symbol.asyncDispose]());
  beforeEach(async () => {
    await site.reset();
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 15 });
  });

  test('recover, from a folder that knows nothing of the run', async () => {
    const command = site.start(['--delete', '--yes']);
    await command.event('a deletion', ({ event, step }) => event === 'progress' && step === 'delete');
    command.kill('SIGKILL');
    await command.ended;
    assert.equal(await site.registry.deletes(), true);

    const elsewhere = ['--state-dir', join(site.folder, 'elsewhere')];
    const refused = await site.runs(4, elsewhere);
    assert.match(refused.stderr, /recover/);
    await site.runs(0, ['recover', ...elsewhere]);
    const nothing = await site.runs(0, ['recover', ...elsewhere]);
    assert.match(nothing.stderr, /no run has changed it/);
    await site.assertTidy();
    await site.assertNothingLost();
    assert.equal(await site.registry.deletes(), false);

    await site.runs(0, ['--resume']);
    await site.assertCleaned();
  });

  test('--fresh gives the killed run up: the setting is put back first', async () => {
    const command = site.start(['--delete', '--yes']);
    await command.step('delete');
    command.kill('SIGKILL');
    await command.ended;
    const refused = await site.runs(4, ['--delete', '--yes']);
    assert.match(refused.stderr, /--resume/);
    assert.match(refused.stderr, /--fresh/);
    await site.runs(0, ['--fresh']);
    await site.assertTidy();
    assert.equal(await site.registry.deletes(), false);
  });
});
