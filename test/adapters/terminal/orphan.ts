/** A program that waits to be interrupted, as if npm had started it, and says by what. */
import { listenForSignals } from '../../../src/adapters/signals.ts';

const { signal, stop } = listenForSignals({ underNpm: true, onRepeated: () => {} });
const alive = setInterval(() => {}, 1000);
signal.addEventListener('abort', () => {
  clearInterval(alive);
  stop();
  process.stdout.write(`${signal.reason.signal}\n`);
});
process.stdout.write('waiting\n');
