/** Waiting for conditions, never for time. */
import { setTimeout as passed } from 'node:timers/promises';

const LOOK_EVERY_MS = 10;

/**
 * Returns the first value of `look` that is neither `undefined` nor `false`.
 *
 * @param what for the error: what was waited for
 * @param patience as long as `progress` gives something new, the time begins anew
 * @throws Error after `timeoutMs`
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  patience: { readonly timeoutMs?: number; readonly progress?: () => unknown } = {},
): Promise<T> {
  const { timeoutMs = 180_000, progress = () => undefined } = patience;
  let since = performance.now();
  let reached = progress();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    const now = progress();
    if (now !== reached) since = performance.now();
    reached = now;
    if (performance.now() - since > timeoutMs)
      throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await passed(LOOK_EVERY_MS);
  }
}
