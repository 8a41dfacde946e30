import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockFolder } from '../../../src/adapters/storage/lock.ts';
import { RefusedError } from '../../../src/domain/errors.ts';
import { temporaryFolder } from './folder.ts';

const HOLDER = fileURLToPath(import.meta.resolve('./holder.ts'));

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

  it('goes to one of many that find it dead at the same moment', async (test) => {
    const folder = temporaryFolder(test);
    await kill(await hold(test, folder));
    const attempts = Array.from({ length: 6 }, () =>
      spawn(process.execPath, [HOLDER, folder], { stdio: ['pipe', 'pipe', 'ignore'] }),
    );
    for (const each of attempts) test.after(() => void each.kill('SIGKILL'));
    const results = await Promise.all(
      attempts.map((each) =>
        Promise.race([
          once(each.stdout, 'data').then(() => 'locked'),
          once(each, 'exit').then(() => 'refused'),
        ]),
      ),
    );
    assert.equal(results.filter((result) => result === 'locked').length, 1, results.join(', '));
  });
});
