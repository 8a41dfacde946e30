import { setTimeout as sleep } from 'node:timers/promises';

/** Settles like `promise`, or rejects with the signal's reason as soon as it is aborted. */
export function abortable<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await sleep(durationMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/**
 * Calls that come while one is under way share its outcome. One that was given up by whoever began it is begun anew
 * by those who still wait.
 */
export function singleFlight<Value>(
  work: (signal: AbortSignal) => Promise<Value>,
): (signal: AbortSignal) => Promise<Value> {
  let flight: { readonly outcome: Promise<Value>; readonly signal: AbortSignal } | undefined;
  return async (signal) => {
    for (;;) {
      flight ??= {
        signal,
        outcome: work(signal).finally(() => {
          flight = undefined;
        }),
      };
      const joined = flight;
      try {
        return await abortable(joined.outcome, signal);
      } catch (error) {
        if (signal.aborted || !joined.signal.aborted) throw error;
      }
    }
  };
}
