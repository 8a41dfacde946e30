/** Durations as people write them. */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `200ms`, `90s`, `5m`, `2h` in milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ''];
  return match?.[1] !== undefined && unitMs !== undefined ? Number(match[1]) * unitMs : undefined;
}
