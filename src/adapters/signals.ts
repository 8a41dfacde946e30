/** The signals that end the work, as an AbortSignal. */
import { InterruptedError } from '../domain/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const WATCH_PARENT_MS = 1000;

/**
 * Aborts with an `InterruptedError` at the first signal, and with the exception itself where nothing catches one (a
 * defect: even then everything is put back before the program ends). Later ones do not hurry the program: it is putting things
 * back then, which `onRepeated` may say. (Under `npm run`, Ctrl+C reaches the program twice anyway.)
 *
 * Under npm, the end of npm counts as a hang-up: npm passes SIGHUP on to nobody when it is ended by it.
 */
export function listenForSignals(given: { underNpm: boolean; onRepeated: () => void }): {
  signal: AbortSignal;
  stop(): void;
} {
  const controller = new AbortController();
  const startedAt: { abortedMs?: number } = {};
  const interrupt = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      startedAt.abortedMs = Date.now();
      controller.abort(new InterruptedError(name));
    } else if (Date.now() - (startedAt.abortedMs ?? 0) > 1000) given.onRepeated();
  };
  const giveUp = (error: unknown) => controller.abort(error);
  for (const name of SIGNALS) process.on(name, interrupt);
  process.on('uncaughtException', giveUp);
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (given.underNpm && process.ppid !== parent && !controller.signal.aborted) interrupt('SIGHUP');
  }, WATCH_PARENT_MS);
  watch.unref();
  return {
    signal: controller.signal,
    stop() {
      clearInterval(watch);
      for (const name of SIGNALS) process.off(name, interrupt);
      process.off('uncaughtException', giveUp);
    },
  };
}
