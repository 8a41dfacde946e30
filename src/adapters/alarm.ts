/** Ends the work at a moment. */
import type { Alarm } from '../ports.ts';

/** Timers stand still while a laptop sleeps, so the time is looked at again and again. */
const LOOK_EVERY_MS = 15_000;

/** An alarm by the real time. It does not keep the program from ending. */
export function createAlarm(): Alarm {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const clear = () => clearTimeout(timer);
  const set = (atMs: number, reason: Error) => {
    clear();
    const leftMs = atMs - Date.now();
    if (leftMs <= 0) controller.abort(reason);
    else timer = setTimeout(() => set(atMs, reason), Math.min(leftMs, LOOK_EVERY_MS)).unref();
  };
  return { signal: controller.signal, set, clear };
}
