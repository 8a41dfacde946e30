import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listenForSignals } from '../../../src/adapters/signals.ts';
import { InterruptedError } from '../../../src/domain/errors.ts';

const ORPHAN = fileURLToPath(import.meta.resolve('./orphan.ts'));
const DEFECTS = fileURLToPath(import.meta.resolve('./defects.ts'));

/** Listens until the test is over. */
function listening(test: TestContext) {
  const repeated: number[] = [];
  const listener = listenForSignals({ underNpm: false, onRepeated: () => repeated.push(Date.now()) });
  test.after(() => listener.stop());
  return { ...listener, repeated };
}

describe('a signal', () => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    it(`ends the work: ${name}`, async (test) => {
      const { signal } = listening(test);
      const aborted = once(signal, 'abort');
      process.kill(process.pid, name);
      await aborted;
      assert.ok(signal.reason instanceof InterruptedError);
      assert.equal(signal.reason.signal, name);
    });

  it('that is repeated does not hurry the program, which says so, though not of an echo', (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const { signal, repeated } = listening(test);
    process.emit('SIGINT');
    const { reason } = signal;
    test.mock.timers.tick(100);
    process.emit('SIGINT');
    assert.equal(repeated.length, 0, 'npm and the terminal both send it');
    test.mock.timers.tick(2000);
    process.emit('SIGTERM');
    assert.equal(repeated.length, 1);
    test.mock.timers.tick(100);
    process.emit('SIGTERM');
    assert.equal(repeated.length, 1, 'the second one has an echo, too');
    assert.equal(signal.reason, reason);
  });

  it('is not needed where nothing catches an exception: that ends the work, and a later one is told', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [DEFECTS], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'the first defect\n');
    assert.match(stderr, /the second defect/);
  });

  it('is nobody’s business any more afterwards', () => {
    const before = process.listenerCount('SIGHUP') + process.listenerCount('uncaughtException');
    const { stop } = listenForSignals({ underNpm: true, onRepeated: () => {} });
    stop();
    assert.equal(process.listenerCount('SIGHUP') + process.listenerCount('uncaughtException'), before);
  });

  it('that npm kept to itself is noticed by the end of npm', async (test) => {
    // The shell stands for npm: it starts the program and is gone.
    const shell = spawn('sh', ['-c', `'${process.execPath}' '${ORPHAN}' & read line; exit 0`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    test.after(() => void shell.kill('SIGKILL'));
    const lines = createInterface(shell.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'waiting');
    shell.stdin.end('\n');
    assert.equal((await lines.next()).value, 'SIGHUP');
  });
});
