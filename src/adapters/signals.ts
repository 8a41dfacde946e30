/** The signals that end the work, as an AbortSignal. */
import { InterruptedError } from '../domain/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const WATCH_PARENT_MS = 1000;
/** One Ctrl+C under `npm run` comes twice: from the terminal, and from npm. */
const ECHO_MS = 1000;

/**
 * Aborts with an `InterruptedError` at the first signal, and with the exception itself where nothing catches one (a
 * defect: even then everything is put back before the program ends; one that comes later is told as a warning of
 * Node's). Later signals do not hurry the program: it is putting things back then, which `onRepeated` may say.
 *
 * Under npm, the end of npm counts as a hang-up: npm passes SIGHUP on to nobody when it is ended by it.
 */
export function listenForSignals(given: { underNpm: boolean; onRepeated: () => void }): {
  signal: AbortSignal;
  stop(): void;
} {
  const controller = new AbortController();
  let lastAt = Number.NEGATIVE_INFINITY;
  const interrupt = (name: NodeJS.Signals) => {
    const isEcho = Date.now() - lastAt <= ECHO_MS;
    lastAt = Date.now();
    if (!controller.signal.aborted) controller.abort(new InterruptedError(name));
    else if (!isEcho) given.onRepeated();
  };
  const giveUp = (error: Error) => {
    if (controller.signal.aborted) process.emitWarning(error);
    else controller.abort(error);
  };
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
