/** Carrying out what was decided by a look at the registry, as long as that look is fresh. */
import type { Clock } from '../ports.ts';
import { concurrently } from './concurrently.ts';

/** What was seen longer ago is looked at again before anything is done on its strength. */
export const FRESH_FOR_MS = 5 * 60_000;

/**
 * Calls `operation` for every item, at most `limit` at a time. When the look has become old no further item is begun
 * until `refresh` has looked again.
 *
 * @param lookedAtMs when the last look began, in milliseconds since 1970
 */
export async function inFreshRounds<T>(
  items: readonly T[],
  given: {
    readonly clock: Clock;
    readonly limit: number;
    readonly lookedAtMs: number;
    readonly refresh: () => Promise<void>;
    readonly operation: (item: T) => Promise<void>;
  },
): Promise<void> {
  const { clock, limit, refresh, operation } = given;
  const left = items[Symbol.iterator]();
  let freshUntilMs = given.lookedAtMs + FRESH_FOR_MS;
  let isOver = false;
  function* whileFresh(): Generator<T, void> {
    // At least one: a registry may be so large that looking at it takes longer than the look stays fresh.
    do {
      const next = left.next();
      if (next.done) {
        isOver = true;
        return;
      }
      yield next.value;
    } while (clock.now() < freshUntilMs);
  }
  for (;;) {
    await concurrently(whileFresh(), limit, operation);
    if (isOver) return;
    freshUntilMs = clock.now() + FRESH_FOR_MS;
    await refresh();
  }
}
