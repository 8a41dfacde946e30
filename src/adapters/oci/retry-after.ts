/** Longer than that is not waited, whatever the registry asks for. */
const MOST_MS = 5 * 60_000;

/**
 * Reads the header `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date. In milliseconds; 0 when it says
 * nothing that makes sense.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number {
  const text = value?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return ms > 0 ? Math.min(MOST_MS, ms) : 0;
}
