/** Waiting for conditions, never for time. */
import { setTimeout as passed } from 'node:timers/promises';

const LOOK_EVERY_MS = 10;

/**
 * Returns the first value of `look` that is neither `undefined` nor `false`.
 *
 * @param what for the error: what was waited for
 * @throws Error after `timeoutMs`
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 60_000 }: { timeoutMs?: number } = {},
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - startedAt > timeoutMs)
      throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await passed(LOOK_EVERY_MS);
  }
}
