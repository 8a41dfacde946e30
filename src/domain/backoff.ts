/** How long to wait before trying again. */

/**
 * Exponential backoff with full jitter (doubling from half a second up to 15 s; between half and all of it).
 *
 * @param attempt 1 for the first failure
 * @param random between 0 and 1
 */
export function backoffMs(attempt: number, random: number): number {
  const ceilingMs = Math.min(15_000, 500 * 2 ** (attempt - 1));
  return ceilingMs * (0.5 + random / 2);
}
