/** Carrying out what was decided by a look at the registry, as long as that look is fresh. */
import type { Clock } from '../ports.ts';
import { concurrently } from './concurrently.ts';

/** What was seen longer ago is looked at again before anything is done on its strength. */
export const FRESH_FOR_MS = 5 * 60_000;
/** Looking at a large and slow registry may take longer than that: half of the time is for what comes of it. */
const FRESH_FOR_TIMES = 2;

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
  const { clock, limit, operation } = given;
  const left = items[Symbol.iterator]();
  let { lookedAtMs } = given;
  let goodForMs = FRESH_FOR_MS;
  let isOver = items.length === 0;
  const isFresh = () => {
    const ageMs = clock.now() - lookedAtMs;
    // The clock may have been set back.
    return ageMs >= 0 && ageMs < goodForMs;
  };
  const refresh = async () => {
    lookedAtMs = clock.now();
    await given.refresh();
    goodForMs = Math.max(FRESH_FOR_MS, FRESH_FOR_TIMES * (clock.now() - lookedAtMs));
  };
  function* whileFresh(): Generator<T, void> {
    // At least one: whatever happens to the clock, there is an end to it.
    do {
      const next = left.next();
      if (next.done) {
        isOver = true;
        return;
      }
      yield next.value;
    } while (isFresh());
  }
  while (!isOver) {
    if (!isFresh()) await refresh();
    await concurrently(whileFresh(), limit, operation);
  }
}
