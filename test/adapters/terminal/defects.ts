/** Throws two exceptions that nobody catches; says on standard output which of them ended the work. */
import { listenForSignals } from '../../../src/adapters/signals.ts';

const { signal, stop } = listenForSignals({ underNpm: false, onRepeated: () => {} });
signal.addEventListener('abort', () => {
  setImmediate(() => {
    setImmediate(() => {
      stop();
      console.log(signal.reason.message);
    });
    throw new Error('the second defect');
  });
});
setImmediate(() => {
  throw new Error('the first defect');
});
