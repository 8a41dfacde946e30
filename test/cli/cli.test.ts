import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lockFolder } from '../../src/adapters/storage/lock.ts';
import type { Summary } from '../../src/domain/outcome.ts';
import { definitionOf, optionNames } from '../../src/options/definitions.ts';
import { ended, placeFor, silentServer, writeKubeconfig } from './program.ts';

/** Fails unless every line is JSON; the last object, which has to be the summary. */
function summaryOf(stdout: string): Summary {
  const objects = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const summary = objects.at(-1);
  assert.equal(summary?.event, 'summary', stdout);
  assert.equal(objects.filter(({ event }) => event === 'summary').length, 1);
  return summary;
}

/** A preloaded module that lets the program fail if it loads any of what is heavy. */
const FORBID_HEAVY = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      if (/^(@kubernetes\\/client-node|listr2|zx|lowdb|ws|d3-\\w+)(\\/|$)/.test(specifier)) throw new Error('loaded: ' + specifier);
      return next(specifier, context);
    },
  });
`)}`;

/** A preloaded module that plants a defect. */
const PLANT_DEFECT = `--import=data:text/javascript,${encodeURIComponent(`
  import os from 'node:os';
  import { syncBuiltinESMExports } from 'node:module';
  os.hostname = () => { throw new TypeError('planted'); };
  syncBuiltinESMExports();
`)}`;

describe('help', () => {
  it('tells every option and exit code, and loads nothing heavy', async (test) => {
    const place = placeFor(test);
    const { code, stdout, stderr } = await place.run(['--help'], { NODE_OPTIONS: FORBID_HEAVY });
    assert.deepEqual([code, stderr], [0, '']);
    for (const name of optionNames) assert.match(stdout, new RegExp(`--${name}\\b`));
    for (const exitCode of [0, 1, 2, 3, 4, 5, 6])
      assert.match(stdout, new RegExp(`^ +${exitCode} {2}\\S`, 'm'));
    assert.match(stdout, /128\+n/);
    assert.equal(existsSync(place.stateDir), false);
  });

  it('of a command tells what goes with that, and nothing else', async (test) => {
    const place = placeFor(test);
    for (const verb of ['scan', 'history'] as const) {
      const { code, stdout, stderr } = await place.run([verb, '--help']);
      assert.deepEqual([code, stderr], [0, '']);
      const told = [...stdout.matchAll(/^ {6}--([\w-]+)/gm)].map(([, name]) => name);
      const known = optionNames.filter((name) => definitionOf(name).goesWith.includes(verb));
      assert.deepEqual(told.sort(), [...known, 'version'].sort());
    }
  });

  it('says of what goes with no run where it belongs', async (test) => {
    const { stdout } = await placeFor(test).run(['--help']);
    assert.match(stdout, /--dry-run +with reclaim: only tell/);
    assert.match(stdout, /--keep-last +N: with scan: what keeping/);
    assert.match(stdout, /COMMAND --help/);
  });

  it('would be seen to load what is heavy', async (test) => {
    const { stderr } = await placeFor(test).run([], { NODE_OPTIONS: FORBID_HEAVY });
    assert.match(stderr, /loaded: /);
  });

  it('goes with the version', async (test) => {
    const { code, stdout } = await placeFor(test).run(['--version']);
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });
});

describe('the program ends', () => {
  it('with 2 for bad usage, and says what was probably meant', async (test) => {
    const place = placeFor(test);
    const { code, stdout, stderr } = await place.run(['--concurency', '3']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /--concurrency\?/);
    assert.equal(existsSync(place.stateDir), false, 'nothing was touched');
  });

  it('with 2 for an option of another command', async (test) => {
    const place = placeFor(test);
    const { code, stdout, stderr } = await place.run(['history', '--delete']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /--delete goes with a run, not with history/);
    assert.equal(existsSync(place.stateDir), false, 'nothing was touched');
  });

  it('with 0 although variables stand for options of other commands', async (test) => {
    const variables = { REGISTRY_CLEANER_DELETE: 'true', REGISTRY_CLEANER_KEEP_LAST: '2' };
    const { code, stderr } = await placeFor(test).run(['history'], variables);
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('with 2 for an environments file with faults, all of which are told', async (test) => {
    const place = placeFor(test, '\uFEFF62798B9BEE0EB12322FC97E8 1\r\n6279 x\r\n\u001b[2J\r\n');
    const { code, stderr } = await place.run([]);
    assert.equal(code, 2);
    assert.match(stderr, /line 1: "62798B9BEE0EB12322FC97E8": .*lower-case/);
    assert.match(stderr, /line 2: "x"/);
    assert.match(stderr, /line 2: "6279"/);
    assert.match(stderr, /line 3/);
    assert.equal(stderr.includes('\u001b'), false);
    assert.equal(existsSync(place.stateDir), false, 'nothing was touched');
  });

  for (const [what, environments] of Object.entries({
    'an empty': '',
    'a commented-out': '# 62798b9bee0eb12322fc97e8 31\n',
  }))
    it(`with 2 for ${what} environments file`, async (test) => {
      const { code, stderr } = await placeFor(test, environments).run([]);
      assert.equal(code, 2);
      assert.match(stderr, /names no environment/);
    });

  it('with 2 without an environments file', async (test) => {
    const { code, stderr } = await placeFor(test).run(['--environments', 'none']);
    assert.equal(code, 2);
    assert.match(stderr, /none does not exist/);
    assert.match(stderr, /environments-example/);
  });

  it('with 2 for an environments file that is a folder', async (test) => {
    const { code, stderr } = await placeFor(test).run(['--environments', '.']);
    assert.equal(code, 2);
    assert.match(stderr, /EISDIR/);
  });

  it('with 2 for a report that could not be copied to where it is wanted', async (test) => {
    const place = placeFor(test);
    const { code, stderr } = await place.run(['--report', 'no-such-folder/report.html']);
    assert.equal(code, 2);
    assert.match(stderr, /no-such-folder.*\n.*--report/);
    assert.equal(existsSync(place.stateDir), false, 'nothing was touched');
  });

  it('with 2 without a kubeconfig, and points to the demo', async (test) => {
    const { code, stderr } = await placeFor(test).run([]);
    assert.equal(code, 2);
    assert.match(stderr, /npm run demo/);
  });

  it('with 4 while another program works in the state folder', async (test) => {
    const place = placeFor(test);
    mkdirSync(place.stateDir);
    const release = await lockFolder(place.stateDir);
    const { code, stderr } = await place.run([]);
    await release();
    assert.equal(code, 4);
    assert.match(stderr, new RegExp(`process ${process.pid}`));
  });

  it('with 5 when the API server is not there', async (test) => {
    const place = placeFor(test);
    writeKubeconfig(place.folder, 'https://127.0.0.1:9');
    const { code, stderr } = await place.run([]);
    assert.equal(code, 5);
    assert.match(stderr, /127\.0\.0\.1:9/);
  });

  it('with 6 when local storage fails', async (test) => {
    const place = placeFor(test);
    mkdirSync(`${place.stateDir}.real`);
    symlinkSync(`${place.stateDir}.real`, place.stateDir);
    const { code, stderr } = await place.run([]);
    assert.equal(code, 6);
    assert.match(stderr, /symbolic link/);
  });

  it('with 6 for a damaged run, once: then a new one can begin', async (test) => {
    const place = placeFor(test);
    const run = join(place.stateDir, '20261123T100001Z-000001');
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'run.json'), '{"schema":');
    const first = await place.run([]);
    assert.equal(first.code, 6);
    assert.match(first.stderr, /set aside as .*run\.json\.damaged/);
    assert.equal((await place.run([])).code, 2, 'only the kubeconfig is missing now');
  });

  it('with 1 for a defect, and asks to report it', async (test) => {
    const { code, stderr } = await placeFor(test).run([], { NODE_OPTIONS: PLANT_DEFECT });
    assert.equal(code, 1);
    assert.match(stderr, /defect of the program.*TypeError: planted/s);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    it(`with 128 + ${signal} when interrupted`, async (test) => {
      const place = placeFor(test);
      const { asked } = await silentServer(test, place);
      const program = place.start(['--output', 'json']);
      const end = ended(program);
      await asked;
      program.kill(signal);
      const { code, stdout, stderr } = await end;
      assert.equal(code, 128 + constants.signals[signal]);
      assert.equal(summaryOf(stdout).exitCode, code);
      assert.match(stderr, new RegExp(signal));
    });
});

describe('--output json', () => {
  for (const [what, argv, environment, code] of [
    ['a typing error', ['--output', 'json', '--delte'], {}, 2],
    ['a typing error before it', ['--delte', '--output=json'], {}, 2],
    ['a missing file', ['--output', 'json', '--environments', 'none'], {}, 2],
    ['the environment', ['--environments', 'none'], { REGISTRY_CLEANER_OUTPUT: 'json' }, 2],
    ['a warning', ['--output', 'json', 'hunter2-positional'], {}, 2],
    ['the verb recover', ['recover', '--output', 'json'], {}, 2],
    ['a defect', ['--output', 'json'], { NODE_OPTIONS: PLANT_DEFECT }, 1],
  ] as [string, string[], Record<string, string>, number][])
    it(`ends with the summary and has nothing else on standard output: ${what}`, async (test) => {
      const ending = await placeFor(test).run(argv, environment);
      assert.equal(ending.code, code);
      const summary = summaryOf(ending.stdout);
      assert.deepEqual([summary.exitCode, summary.mode, summary.planned], [code, 'plan', 0]);
      assert.notEqual(ending.stderr, '', 'people are told on standard error');
    });
});

describe('a password', () => {
  for (const [what, argv, environment] of [
    ['in the environment', [], { SKOPEO_PASSWORD: 'hunter2' }],
    ['on the command line', ['hunter2'], {}],
    ['too many words', ['hunter2', 'more'], {}],
    ['a defect', [], { SKOPEO_PASSWORD: 'hunter2', NODE_OPTIONS: PLANT_DEFECT }],
  ] as [string, string[], Record<string, string>][])
    it(`is never printed: ${what}`, async (test) => {
      for (const output of [[], ['--output', 'json']]) {
        const { stdout, stderr } = await placeFor(test).run([...argv, ...output], environment);
        assert.doesNotMatch(stdout + stderr, /hunter2/);
      }
    });

  it('on the command line comes with a warning that says where it leaks', async (test) => {
    const { stderr } = await placeFor(test).run(['hunter2']);
    assert.match(stderr, /Warning: .*SKOPEO_PASSWORD/);
  });
});

describe('output that nobody reads', () => {
  it('does not end the program with a defect', async (test) => {
    const program = placeFor(test).start(['--help']);
    program.stdout?.destroy();
    const { promise: code, resolve } = Promise.withResolvers<number | null>();
    program.once('close', resolve);
    assert.equal(await code, 0);
  });

  it('does not change how the program ends', async (test) => {
    const place = placeFor(test);
    const { asked } = await silentServer(test, place);
    const program = place.start(['--output', 'json', 'hunter2-positional']);
    program.stdout?.destroy();
    program.stderr?.destroy();
    const { promise: code, resolve } = Promise.withResolvers<number | null>();
    program.once('close', resolve);
    await asked;
    program.kill('SIGTERM');
    assert.equal(await code, 143);
  });
});
