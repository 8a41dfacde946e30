/**
 * The long version of what `npm test` does in short, on a registry of believable size: the program is killed again and
 * again, or gets every signal in every step, and the registry is held against what must be left. See `--help`.
 */
import assert from 'node:assert/strict';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { interruptInSteps, midDelete, SIGNALS, type Signal } from '../test/e2e/support/interrupt.ts';
import { startTwoAtOnce, stopUntilTakenOver } from '../test/e2e/support/operators.ts';
import { killAgainAndAgain } from '../test/e2e/support/ordeal.ts';
import { killReclaiming } from '../test/e2e/support/reclaim-ordeal.ts';
import { killAndRecover } from '../test/e2e/support/recoveries.ts';
import { ROUTES, Site, summaryOf } from '../test/e2e/support/site.ts';
import { endOfLife } from './sandbox/end-of-life.ts';
import type { Fault } from './sandbox/faults.ts';

const DELETING = ['--delete', '--yes'];
const POD = 'docker-registry-cleaner';
/** How often bad weather comes in a run. */
const HITS = 3;
/** So often two runs are started at once. */
const ROUNDS = 20;
/** Of so many kills, one is not resumed, but recovered and begun anew by somebody else. */
const ANEW_EVERY = 2;

const options = await yargs(hideBin(process.argv))
  .scriptName('node scripts/ordeal.ts')
  .usage('$0 [options] [ORDEAL …]\n\nWithout an ORDEAL, all of them:')
  .usage('  whole    everything is deleted; then the same by --only legacy and --only new')
  .usage(
    '  kills    kill -9 at random moments, resumed each time; then the same, but after every second kill',
  )
  .usage('           somebody else recovers and begins a run of their own')
  .usage('  weather  sockets dropped, pods lost, the registry restarted, again and again in mid-delete')
  .usage('  signals  every signal in every step, resumed each time')
  .usage('  recover  kill -9 at random moments, each time put right by recover alone, from an empty folder')
  .usage('  operators  two runs started at once; one that is stopped until another has taken over')
  .usage('  reclaim  garbage collection killed at random moments, recovered elsewhere each time')
  .option('kills', { type: 'number', default: 30, describe: 'how often it is killed' })
  .option('seed', {
    type: 'number',
    default: Date.now() % 1_000_000,
    describe: 'of the moments, to repeat them',
  })
  .option('concurrency', { type: 'number', default: 8, describe: 'operations at a time' })
  .option('via', { choices: ROUTES, default: 'pod' as const, describe: 'the way to the registry' })
  .option('strategy', {
    choices: ['auto', 'by-digest', 'untag-first'] as const,
    describe: 'how the registry is rid of tags [default: untag-first, by-digest with --via skopeo]',
  })
  .option('environments', { type: 'number', default: 40, describe: 'environments in the registry' })
  .option('revisions', { type: 'number', default: 25, describe: 'revisions of each environment' })
  .option('legacy', { type: 'number', default: 10, describe: 'environments with a legacy repository' })
  .strictOptions()
  .version(false)
  .parseAsync();

const { via } = options;
const strategy = options.strategy ?? (via === 'skopeo' ? 'by-digest' : 'untag-first');
const way = ['--strategy', strategy];
const args = [...way, '--concurrency', String(options.concurrency)];

/** The weather that there is on the way to the registry. */
const restarted: Readonly<Record<string, Fault>> = { 'the registry restarted': { fault: 'restartRegistry' } };
const inPod: Readonly<Record<string, Fault>> = {
  'exec sockets dropped': { fault: 'dropExec', podPrefix: POD },
  'pods lost': { fault: 'losePod', pod: POD },
  ...restarted,
};
const storms = {
  pod: inPod,
  skopeo: inPod,
  'port-forward': { 'forwarded connections dropped': { fault: 'dropForward' } satisfies Fault, ...restarted },
  direct: restarted,
}[via];

/** Sites of single ordeals, closed in the end. */
const own: Site[] = [];

const ordeals: Readonly<Record<string, (site: Site) => Promise<void>>> = {
  async whole(site) {
    await site.runs(0, [...DELETING, ...args]);
    await site.assertCleaned();
    tell(`deleted ${site.judge().doomed.length} tags, left ${site.judge().left.length}`);
    await site.reset();
    await site.runs(0, [...DELETING, ...args, '--only', 'legacy']);
    await site.assertCleaned({ only: 'legacy' });
    await site.runs(0, [...DELETING, ...args, '--only', 'new']);
    await site.assertCleaned();
    tell('the same by --only legacy and --only new');
  },

  async kills(site) {
    await survive(site, { whenKilled: 'resume' });
    await site.reset();
    await survive(site, { whenKilled: 'resume or begin anew' });
  },

  async weather(site) {
    const untying = args.includes('untag-first') ? site.judge().doomed.length : 0;
    const share = Math.floor((untying + site.judge().doomedManifests.length) / (HITS + 2));
    for (const [name, fault] of Object.entries(storms)) {
      const command = site.start([...DELETING, ...args]);
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

  async reclaim() {
    const { kills, seed } = options;
    // An object store that takes its time, so that the collector does; pods that overlap.
    for (const workloadKind of ['Deployment', 'StatefulSet'] as const) {
      const slow = await Site.open({ objectStore: { readDelayMs: 4 }, workloadKind, rolloutMs: 1000 });
      own.push(slow);
      const args = ['--allow-unseen-uploads'];
      const orphaned = await killReclaiming(slow, { kills, seed, args, report: tell });
      tell(`${workloadKind}: ${kills} kills, ${orphaned} of them left a collector at work; all were ended`);
    }
  },

  async signals(site) {
    for (const [offset, first] of SIGNALS.entries()) {
      const signalOf = (step: number) => SIGNALS[(step + offset) % SIGNALS.length] as Signal;
      await interruptInSteps(site, { signalOf, args });
      await site.runs(0, ['--resume', ...args]);
      await site.assertCleaned();
      tell(`a signal in every step, ${first} in the first`);
      await site.reset();
    }
  },

  async recover(site) {
    const { kills, seed } = options;
    await killAndRecover(site, { kills, seed, args, report: tell });
    tell(`${kills} kills: the template as before, no pod, no lease, no annotation, nothing lost`);
  },

  async operators(site) {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await startTwoAtOnce(site, args);
      await site.reset();
    }
    tell(`two runs started at once, ${ROUNDS} times: one worked, one was refused with exit code 4`);
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 60 });
    const made = await stopUntilTakenOver(site, way);
    tell(`stopped after ${made} changes, taken over, let go on: it changed nothing more, and ended with 4`);
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
    `seed ${options.seed}, ${environments} environments of ${revisions} revisions, ${legacy} of them legacy; --via ${via} --strategy ${strategy}`,
  );
  const content = { environments, revisions, legacy };
  await using site = await Site.open({ via, ...content, rolloutMs: 1000, podStartMs: 300 });
  const interrupted = new Promise((resolve) => life.addEventListener('abort', resolve));
  await Promise.race([interrupted, oneAfterTheOther(site, names)]);
  for (const each of own) await each[Symbol.asyncDispose]();
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

/** Begins a run, kills it as often as was asked for, and lets the last one end. */
async function survive(site: Site, given: { whenKilled: 'resume' | 'resume or begin anew' }): Promise<void> {
  const { kills, seed, concurrency } = options;
  const anew = given.whenKilled === 'resume' ? {} : { anewEvery: ANEW_EVERY };
  const result = await killAgainAndAgain(site, {
    kills,
    seed,
    concurrency,
    args: way,
    ...anew,
    report: tell,
  });
  const { untied, deleted, bookkeeping } = result;
  tell(`${result.kills} kills, after ${result.anew} of them begun anew elsewhere`);
  for (const [what, { requests, repeated, allowed }] of Object.entries({ untied, deleted })) {
    tell(`  ${what}: ${requests} requests, ${repeated} of them repeated, ${allowed} allowed`);
    assert.ok(repeated <= allowed);
  }
  tell(`  for ledgers and throw-away manifests: ${bookkeeping} requests`);
  const ended = await site.runs(0, ['--resume', '--state-dir', result.stateDir, ...args]);
  const circumstances = { mayLeaveOrphans: result.anew > 0 };
  await site.assertCleaned(circumstances);
  const summary = summaryOf(ended);
  assert.equal(Number(summary.deleted) + Number(summary.alreadyGone), summary.planned);
  const { left, doomedManifests } = site.judge(circumstances);
  tell(
    `the last run: ${summary.planned} planned = ${summary.deleted} deleted + ${summary.alreadyGone} already gone`,
  );
  tell(`${left.length} tags left, each with its digest; ${doomedManifests.length} manifests gone; no ledger`);
}

function tell(line: string): void {
  console.log(line);
}
