/**
 * The long version of what `npm test` does in short, on a registry of believable size: the program is killed again and
 * again, or gets every signal in every step, and the registry is held against what must be left. See `--help`.
 */
import assert from 'node:assert/strict';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import {
  interruptInEveryStep,
  midDelete,
  RESUME,
  SIGNALS,
  type Signal,
} from '../test/e2e/support/interrupt.ts';
import { killAgainAndAgain } from '../test/e2e/support/ordeal.ts';
import { Site, summaryOf } from '../test/e2e/support/site.ts';
import { endOfLife } from './sandbox/end-of-life.ts';
import type { Fault } from './sandbox/faults.ts';

const DELETING = ['--delete', '--yes'];
const POD = 'docker-registry-cleaner';
/** How often bad weather comes in a run. */
const HITS = 3;

const options = await yargs(hideBin(process.argv))
  .scriptName('node scripts/ordeal.ts')
  .usage('$0 [options] [ORDEAL …]\n\nWithout an ORDEAL, all of them:')
  .usage('  whole    everything is deleted; then the same by --only legacy and --only new')
  .usage('  kills    kill -9 at random moments, resumed each time; then the same, and recover')
  .usage('  weather  sockets dropped, pods lost, the registry restarted, again and again in mid-delete')
  .usage('  signals  every signal in every step, resumed each time')
  .option('kills', { type: 'number', default: 30, describe: 'how often it is killed' })
  .option('seed', {
    type: 'number',
    default: Date.now() % 1_000_000,
    describe: 'of the moments, to repeat them',
  })
  .option('concurrency', { type: 'number', default: 8, describe: 'operations at a time' })
  .option('environments', { type: 'number', default: 40, describe: 'environments in the registry' })
  .option('revisions', { type: 'number', default: 25, describe: 'revisions of each environment' })
  .option('legacy', { type: 'number', default: 10, describe: 'environments with a legacy repository' })
  .strictOptions()
  .version(false)
  .parseAsync();

const ordeals: Readonly<Record<string, (site: Site) => Promise<void>>> = {
  async whole(site) {
    await site.runs(0, DELETING);
    await site.assertCleaned();
    tell(`deleted ${site.judge().doomed.length} tags, left ${site.judge().left.length}`);
    await site.reset();
    await site.runs(0, [...DELETING, '--only', 'legacy']);
    await site.assertCleaned({ only: 'legacy' });
    await site.runs(0, [...DELETING, '--only', 'new']);
    await site.assertCleaned();
    tell('the same by --only legacy and --only new');
  },

  async kills(site) {
    await survive(site);
    const ended = await site.runs(0, ['--resume']);
    await site.assertCleaned();
    const { planned, deleted, alreadyGone } = summaryOf(ended);
    assert.equal(Number(deleted) + Number(alreadyGone), planned);
    tell(`resumed: ${planned} planned = ${deleted} deleted + ${alreadyGone} already gone`);

    await site.reset();
    await survive(site);
    await site.runs(0, ['recover', '--state-dir', `${site.folder}/elsewhere`]);
    await site.assertTidy();
    await site.assertNothingLost();
    assert.equal(await site.registry.deletes(), false);
    tell('recovered from a folder that knew nothing of the run');
    await site.runs(0, ['--resume']);
    await site.assertCleaned();
  },

  async weather(site) {
    const faults: Readonly<Record<string, Fault>> = {
      'exec sockets dropped': { fault: 'dropExec', podPrefix: POD },
      'pods lost': { fault: 'losePod', pod: POD },
      'the registry restarted': { fault: 'restartRegistry' },
    };
    for (const [name, fault] of Object.entries(faults)) {
      const command = site.start(DELETING);
      const share = Math.floor(site.judge().doomedManifests / (HITS + 2));
      for (let hit = 1; hit <= HITS; hit += 1) {
        await midDelete(site, command, share);
        await site.sandbox.faults.inject(fault);
      }
      assert.equal((await command.ended).code, 0, command.output);
      await site.assertCleaned();
      tell(`${name} ${HITS} times in mid-delete: the same end`);
      await site.reset();
    }
  },

  async signals(site) {
    for (const [offset, first] of SIGNALS.entries()) {
      await interruptInEveryStep(site, (step) => SIGNALS[(step + offset) % SIGNALS.length] as Signal);
      await site.runs(0, RESUME);
      await site.assertCleaned();
      tell(`a signal in every step, ${first} in the first`);
      await site.reset();
    }
  },
};

const asked = options._.length === 0 ? Object.keys(ordeals) : options._.map(String);
const unknown = asked.filter((name) => !Object.hasOwn(ordeals, name));
if (unknown.length > 0) {
  console.error(`There is no ordeal ${unknown.join(', ')}; there are: ${Object.keys(ordeals).join(', ')}.`);
  process.exitCode = 2;
} else await goThrough(asked);

async function goThrough(names: readonly string[]): Promise<void> {
  const life = endOfLife();
  const { environments, revisions, legacy } = options;
  tell(
    `seed ${options.seed}, ${environments} environments of ${revisions} revisions, ${legacy} of them legacy`,
  );
  await using site = await Site.open({ environments, revisions, legacy, rolloutMs: 1000, podStartMs: 300 });
  const interrupted = new Promise((resolve) => life.addEventListener('abort', resolve));
  await Promise.race([interrupted, oneAfterTheOther(site, names)]);
  if (life.aborted) process.exitCode = 130;
}

async function oneAfterTheOther(site: Site, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const startedAt = performance.now();
    await ordeals[name]?.(site);
    tell(`${name}: passed in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    await site.reset();
  }
}

/** Begins a run, and kills it as often as was asked for. */
async function survive(site: Site): Promise<void> {
  const { kills, seed, concurrency } = options;
  const result = await killAgainAndAgain(site, { kills, seed, concurrency, report: tell });
  tell(
    `${result.kills} kills, ${result.deletions} DELETEs, ${result.repeated} repeated, ${result.allowed} allowed`,
  );
  assert.ok(result.repeated <= result.allowed);
}

function tell(line: string): void {
  console.log(line);
}
