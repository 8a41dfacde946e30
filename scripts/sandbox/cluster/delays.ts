import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; false if `signal` aborted it. */
export async function passed(delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(delayMs, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** Settles when `signal` aborts. */
export async function ended(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Waits until `holds` does, looking every few milliseconds; false if `signal` aborted it. */
export async function until(holds: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  while (!(await holds())) {
    if (!(await passed(15, signal))) return false;
  }
  return !signal.aborted;
}
