import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Machine, until } from './machine.ts';

const NODE_VERSION = '24.0.1';
const ENTRIES = {
  'node_modules/node': { version: NODE_VERSION, integrity: 'sha512-n' },
  'node_modules/left': { version: '1.0.0', integrity: 'sha512-l' },
};
const OTHER_PLATFORM = { 'node_modules/left-plan9': { version: '1.0.0', optional: true } };

/** A clone whose lock file asks for three packages, one of them for another platform. */
function cloneWithLockFile(machine: Machine, name?: string): string {
  const clone = machine.clone(name);
  writeFileSync(path.join(clone, 'package-lock.json'), lockFile({ ...ENTRIES, ...OTHER_PLATFORM }));
  return clone;
}

function lockFile(packages: Record<string, unknown>): string {
  return JSON.stringify({ lockfileVersion: 3, packages: { '': { name: 'x' }, ...packages } });
}

/** Shell text that does what `npm ci` does: a Node first, its own record last. */
function npmCi({ meanwhile = '', nodeVersion = NODE_VERSION, entries = ENTRIES as object } = {}): string {
  return `/bin/mkdir -p node_modules/.bin
printf '#!/bin/sh\\necho v${nodeVersion}\\n' > node_modules/.bin/node
/bin/chmod +x node_modules/.bin/node
${meanwhile}
echo '${lockFile({ ...entries })}' > node_modules/.package-lock.json
echo added packages`;
}

const isCi = (call: string) => call.startsWith('npm ci ');

test('installs once, keeps standard output and the password to itself, then does nothing', async () => {
  using machine = new Machine();
  const clone = cloneWithLockFile(machine);
  machine.fake('npm', npmCi());

  const first = await machine.startSetup(['packages'], { clone }).ended;
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.stdout, '');
  assert.match(first.stderr, /Installing npm packages.*added packages/s);
  const [call = '', ...others] = machine.calls();
  assert.deepEqual(others, []);
  for (const option of ['ci', '--loglevel=error', '--no-audit', '--no-fund', '--include=dev']) {
    assert.ok(call.split(' ').includes(option), `${option} in: ${call}`);
  }

  machine.forgetCalls();
  const second = await machine.startSetup(['packages'], { clone }).ended;
  assert.deepEqual(second, { status: 0, stdout: '', stderr: '' });
  assert.deepEqual(machine.calls(), []);
  assert.ok(!existsSync(path.join(clone, '.setup.lock')));
});

test('installs again when the lock file, a package or the Node has changed', async (t) => {
  const changes: Record<string, (clone: string) => void> = {
    'another version wanted': (clone) =>
      writeFileSync(
        path.join(clone, 'package-lock.json'),
        lockFile({ ...ENTRIES, 'node_modules/left': { version: '1.0.1', integrity: 'sha512-m' } }),
      ),
    'one package more wanted': (clone) =>
      writeFileSync(
        path.join(clone, 'package-lock.json'),
        lockFile({ ...ENTRIES, 'node_modules/right': { version: '1.0.0' } }),
      ),
    'Node cannot run': (clone) =>
      writeFileSync(path.join(clone, 'node_modules/.bin/node'), '\u007fELF of another processor'),
    'Node is gone': (clone) => rmSync(path.join(clone, 'node_modules/.bin/node')),
    'another Node': (clone) =>
      writeFileSync(path.join(clone, 'node_modules/.bin/node'), '#!/bin/sh\necho v20.0.0\n'),
  };
  for (const [title, change] of Object.entries(changes)) {
    await t.test(title, async () => {
      using machine = new Machine();
      const clone = cloneWithLockFile(machine);
      machine.fake('npm', npmCi());
      await machine.startSetup(['packages'], { clone }).ended;
      machine.forgetCalls();

      change(clone);
      await machine.startSetup(['packages'], { clone }).ended;
      assert.equal(machine.calls().filter(isCi).length, 1);
    });
  }
});

test('an interrupted installation is not taken for a complete one', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const) {
    await t.test(signal, async () => {
      using machine = new Machine();
      const clone = cloneWithLockFile(machine);
      machine.fake('npm', npmCi());
      await machine.startSetup(['packages'], { clone }).ended;
      writeFileSync(
        path.join(clone, 'package-lock.json'),
        lockFile({ ...ENTRIES, ...OTHER_PLATFORM, 'node_modules/x': {} }),
      );

      // Interrupted before npm has touched anything: what it has not yet removed looks complete.
      machine.fake('npm', machine.waitFor('go'));
      machine.forgetCalls();
      const interrupted = machine.startSetup(['packages'], { clone });
      await until(() => machine.calls().some(isCi), 'npm has started');
      process.kill(interrupted.pid, signal);
      if (signal === 'SIGKILL') machine.release('go');
      const { status, stderr } = await interrupted.ended;
      const expected = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGKILL: 128 }[signal];
      assert.equal(status, expected, stderr);

      machine.fake('npm', npmCi());
      machine.forgetCalls();
      writeFileSync(path.join(clone, 'package-lock.json'), lockFile({ ...ENTRIES, ...OTHER_PLATFORM }));
      const repeated = await machine.startSetup(['packages'], { clone }).ended;
      assert.equal(repeated.status, 0, repeated.stderr);
      assert.equal(machine.calls().filter(isCi).length, 1);
    });
  }
});

test('of two at the same moment one installs and the other waits', async () => {
  using machine = new Machine();
  const clone = cloneWithLockFile(machine);
  machine.fake('npm', npmCi({ meanwhile: machine.waitFor('go') }));

  const both = [machine.startSetup(['packages'], { clone }), machine.startSetup(['packages'], { clone })];
  await until(() => both.some((one) => one.stderr().includes('Waiting for another')), 'one waits');
  await until(() => machine.calls().some(isCi), 'the other installs');
  machine.release('go');
  for (const { ended } of both) assert.equal((await ended).status, 0);
  assert.equal(machine.calls().filter(isCi).length, 1);
});

test('one that waits can be interrupted', async () => {
  using machine = new Machine();
  const clone = cloneWithLockFile(machine);
  machine.fake('npm', npmCi({ meanwhile: machine.waitFor('go') }));

  const installing = machine.startSetup(['packages'], { clone });
  await until(() => machine.calls().some(isCi), 'one installs');
  const waiting = machine.startSetup(['packages'], { clone });
  await until(() => waiting.stderr().includes('Waiting for another'), 'the other waits');
  process.kill(waiting.pid, 'SIGTERM');
  assert.equal((await waiting.ended).status, 143);
  machine.release('go');
  assert.equal((await installing.ended).status, 0);
});

test('a killed preparation holds its lock for as long as its npm lives', async () => {
  using machine = new Machine();
  const clone = cloneWithLockFile(machine);
  machine.fake('npm', npmCi({ meanwhile: machine.waitFor('go') }));
  const killed = machine.startSetup(['packages'], { clone });
  await until(() => machine.calls().some(isCi), 'npm has started');
  await machine.lockedByBoth('clone/.setup.lock');
  process.kill(killed.pid, 'SIGKILL');

  const next = machine.startSetup(['packages'], { clone });
  await until(() => next.stderr().includes('Waiting for another'), 'the next one waits');
  machine.release('go');
  assert.equal((await next.ended).status, 0);
  assert.equal(machine.calls().filter(isCi).length, 1, 'the orphan has finished the work');
});

test('the lock of a dead process, or of one whose number another has now, is taken over', async (t) => {
  const abandoned = {
    'no such process': '4194305 1\n',
    'number used again': `${process.pid} 1\n`,
    'not a lock': 'x',
  };
  for (const [title, content] of Object.entries(abandoned)) {
    await t.test(title, async () => {
      using machine = new Machine();
      const clone = cloneWithLockFile(machine);
      machine.fake('npm', npmCi());
      writeFileSync(path.join(clone, '.setup.lock'), content);
      assert.equal((await machine.startSetup(['packages'], { clone }).ended).status, 0);
      assert.deepEqual(
        readdirSync(clone).filter((name) => name.startsWith('.setup')),
        [],
      );
    });
  }
});

test('a failure is told in plain words, with exit code 2', async (t) => {
  const failures = {
    'npm fails': {
      npm: 'echo npm error code ENOTFOUND >&2; exit 7',
      words: /ENOTFOUND.*exit code 7.*repeat the command/s,
    },
    'no Node came along': { npm: npmCi({ nodeVersion: '1' }), words: /ignore-scripts/ },
    'packages are missing': { npm: npmCi({ entries: {} }), words: /does not match package-lock\.json/ },
    'no npm': { npm: undefined, words: /npm was not found/ },
  };
  for (const [title, { npm, words }] of Object.entries(failures)) {
    await t.test(title, async () => {
      using machine = new Machine();
      const clone = cloneWithLockFile(machine);
      if (npm !== undefined) machine.fake('npm', npm);
      const { status, stdout, stderr } = await machine.startSetup(['packages'], { clone }).ended;
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /^ +at /m, 'no stack trace');
    });
  }
});

test('npm does not run on the Node that it replaces', async () => {
  using machine = new Machine();
  const clone = cloneWithLockFile(machine);
  machine.fake('npm', `note "PATH $PATH"\n${npmCi()}`);
  const own = path.join(clone, 'node_modules/.bin');
  const env = { PATH: [own, path.join(machine.dir, 'bin')].join(path.delimiter) };
  await machine.startSetup(['packages'], { clone, env }).ended;
  assert.ok(machine.calls().includes(`PATH ${path.join(machine.dir, 'bin')}`));
});

test('arguments are never echoed', async () => {
  using machine = new Machine();
  const clone = cloneWithLockFile(machine);
  const { status, stdout, stderr } = await machine.startSetup(['packages', 'hunter2'], { clone }).ended;
  assert.equal(status, 2);
  assert.match(stderr, /Usage/);
  assert.doesNotMatch(stdout + stderr, /hunter2/);
});
