import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Machine, start, until } from './machine.ts';

const repository = path.join(import.meta.dirname, '..', '..');

/** A clone whose packages are in place and whose program is `source`. */
function cloneWithProgram(machine: Machine, source: string): string {
  const clone = machine.clone();
  const lock = JSON.stringify({
    packages: { '': {}, 'node_modules/node': { version: process.versions.node } },
  });
  mkdirSync(path.join(clone, 'node_modules/.bin'), { recursive: true });
  mkdirSync(path.join(clone, 'src'));
  writeFileSync(path.join(clone, 'package-lock.json'), lock);
  writeFileSync(path.join(clone, 'node_modules/.package-lock.json'), lock);
  symlinkSync(process.execPath, path.join(clone, 'node_modules/.bin/node'));
  writeFileSync(path.join(clone, 'src/cli.ts'), source);
  return clone;
}

/** Types a documented command, with the real npm and a home of its own. */
function type(command: readonly string[], { machine, clone }: { machine: Machine; clone: string }) {
  const { PATH } = process.env;
  const env = {
    PATH,
    HOME: machine.dir,
    npm_config_cache: path.join(machine.dir, 'cache'),
    SKOPEO_PASSWORD: 'of the environment',
  };
  return start(command, { cwd: clone, env });
}

/** The files below the folder that contain the text, in their content or in their name. */
function filesWith(text: string, folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => file.includes(text) || readFileSync(file).includes(text));
}

test('npm run clean: no banner, the program’s own output, password and exit code', async () => {
  using machine = new Machine();
  const clone = cloneWithProgram(
    machine,
    `console.log(JSON.stringify([process.argv[2], process.env['SKOPEO_PASSWORD']])); process.exitCode = 3;`,
  );
  const outcome = await type(['npm', 'run', 'clean', '--', '--delete'], { machine, clone }).ended;
  assert.deepEqual(outcome, { status: 3, stdout: '["--delete","of the environment"]\n', stderr: '' });
});

test('a positional argument is neither echoed nor written to a log by npm', async () => {
  using machine = new Machine();
  const clone = cloneWithProgram(machine, `console.log(process.argv[2] === ['hunter', 2].join(''));`);
  for (const command of [
    ['npm', 'run', 'clean', '--', 'hunter2'],
    ['npm', 'run', 'clean', 'hunter2'],
  ]) {
    const outcome = await type(command, { machine, clone }).ended;
    assert.deepEqual(outcome, { status: 0, stdout: 'true\n', stderr: '' });
  }
  assert.deepEqual(filesWith('hunter2', machine.dir), []);
});

test('nor when the program fails', async () => {
  using machine = new Machine();
  const clone = cloneWithProgram(machine, 'process.exitCode = 1;');
  const outcome = await type(['npm', 'run', 'clean', '--', 'hunter2'], { machine, clone }).ended;
  assert.deepEqual(outcome, { status: 1, stdout: '', stderr: '' });
  assert.deepEqual(filesWith('hunter2', machine.dir), []);
});

test('the program takes the place of npm’s shell, so that a signal to that one reaches it', async () => {
  using machine = new Machine();
  const clone = cloneWithProgram(
    machine,
    `process.on('SIGTERM', () => { console.log('cleaned up'); process.exit(143); });
     setInterval(() => {}, 1000);
     console.error(process.ppid);`,
  );
  const running = type(['npm', 'run', 'clean'], { machine, clone });
  await until(() => running.stderr() !== '', 'the program runs');
  assert.equal(Number(running.stderr()), running.pid, 'its parent is npm itself');
  process.kill(running.pid, 'SIGTERM');
  assert.equal((await running.ended).stdout, 'cleaned up\n');
});

test('CI runs npm test and nothing else', async () => {
  using machine = new Machine();
  machine.fake('npm', 'exit 7');
  machine.fake('dirname', 'exec /usr/bin/dirname "$@"');
  cpSync(path.join(repository, '.ci/run'), path.join(machine.dir, '.ci/run'));
  const { status } = await start(['/bin/bash', path.join(machine.dir, '.ci/run')], {
    cwd: machine.root,
    env: { PATH: path.join(machine.dir, 'bin') },
  }).ended;
  assert.equal(status, 7);
  assert.deepEqual(
    machine.calls().filter((call) => call.startsWith('npm')),
    ['npm test'],
  );
});
