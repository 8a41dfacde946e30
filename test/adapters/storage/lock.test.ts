import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockFolder, removalOf } from '../../../src/adapters/storage/lock.ts';
import { RefusedError } from '../../../src/domain/errors.ts';
import { temporaryFolder } from './folder.ts';

const HOLDER = fileURLToPath(import.meta.resolve('./holder.ts'));
const CONTENDER = fileURLToPath(import.meta.resolve('./contender.ts'));
const CONTENDERS = 6;
const ROUNDS = 100;

/** Another process that holds the lock of a folder. */
async function hold(test: TestContext, folder: string): Promise<ChildProcess> {
  const holder = spawn(process.execPath, [HOLDER, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  test.after(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  return holder;
}

async function kill(holder: ChildProcess): Promise<void> {
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
}

function lockText(folder: string): { pid: number; born: string } {
  return JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'));
}

describe('the lock of a state folder', () => {
  it('is held by one at a time, and leaves nothing behind', async (test) => {
    const folder = temporaryFolder(test);
    const release = await lockFolder(folder);
    await assert.rejects(lockFolder(folder), RefusedError);
    await release();
    await (await lockFolder(folder))();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is refused while another process holds it, which is named', async (test) => {
    const folder = temporaryFolder(test);
    const holder = await hold(test, folder);
    await assert.rejects(lockFolder(folder), (error: unknown) => {
      assert.ok(error instanceof RefusedError);
      assert.ok(error.message.includes(`(process ${holder.pid})`));
      assert.match(error.next, /--state-dir/);
      return true;
    });
    assert.equal(lockText(folder).pid, holder.pid);
  });

  it('of a process that was killed does not count', async (test) => {
    const folder = temporaryFolder(test);
    await kill(await hold(test, folder));
    assert.equal(existsSync(join(folder, 'lock')), true);
    const release = await lockFolder(folder);
    assert.equal(lockText(folder).pid, process.pid);
    await release();
    assert.deepEqual(readdirSync(folder), []);
  });

  const noProc = existsSync('/proc/self/stat') ? false : 'this system does not tell when a process was born';

  it('of a process whose number another one has now does not count', { skip: noProc }, async (test) => {
    const folder = temporaryFolder(test);
    const release = await lockFolder(folder);
    const { born } = lockText(folder);
    await release();
    // This very process, but born at another time.
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: process.pid, born: `${born}0` }));
    await (await lockFolder(folder))();
  });

  for (const text of ['', 'not a lock', '{}', '{"pid":"7"}', 'null'])
    it(`that cannot be read does not count: ${JSON.stringify(text)}`, async (test) => {
      const folder = temporaryFolder(test);
      writeFileSync(join(folder, 'lock'), text);
      await (await lockFolder(folder))();
    });

  it('goes to one of many that find it dead at the same moment, time after time', async (test) => {
    const contenders = Array.from({ length: CONTENDERS }, () => {
      const contender = spawn(process.execPath, [CONTENDER], { stdio: ['pipe', 'pipe', 'inherit'] });
      test.after(() => void contender.kill('SIGKILL'));
      return { contender, answers: createInterface({ input: contender.stdout })[Symbol.asyncIterator]() };
    });
    const ask = (line: string) =>
      Promise.all(
        contenders.map(async ({ contender, answers }) => {
          contender.stdin.write(`${line}\n`);
          return (await answers.next()).value;
        }),
      );
    const dead = contenders[0]?.contender.pid;
    for (let round = 0; round < ROUNDS; round += 1) {
      const folder = temporaryFolder(test);
      writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: dead, born: `another time ${round}` }));
      const results = await ask(folder);
      assert.equal(results.filter((result) => result === 'locked').length, 1, results.join(', '));
      await ask('release');
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  it('is taken over although whoever was about to do that has died as well', async (test) => {
    const folder = temporaryFolder(test);
    writeFileSync(join(folder, 'lock'), 'dead');
    writeFileSync(join(folder, removalOf('dead')), 'dead too');
    writeFileSync(join(folder, removalOf('dead too')), 'and that one');
    await (await lockFolder(folder))();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is left alone while another process takes it over', async (test) => {
    const folder = temporaryFolder(test);
    const other = temporaryFolder(test);
    await hold(test, other);
    writeFileSync(join(folder, 'lock'), 'dead');
    copyFileSync(join(other, 'lock'), join(folder, removalOf('dead')));
    await assert.rejects(lockFolder(folder), /has just begun/);
    assert.equal(readFileSync(join(folder, 'lock'), 'utf8'), 'dead');
  });
});
