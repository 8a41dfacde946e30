/** Durations as people write them. */

const UNITS_MS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const DURATION = new RegExp(
  `^(?=.)${Object.keys(UNITS_MS)
    .map((unit) => `(?:(?<${unit}>\\d+(?:\\.\\d+)?)${unit})?`)
    .join('')}$`,
);

/** `200ms`, `90s`, `5m`, `2h`, `1h30m` in milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const amounts = DURATION.exec(text)?.groups;
  if (amounts === undefined) return undefined;
  return Object.entries(UNITS_MS).reduce(
    (sum, [unit, unitMs]) => sum + Number(amounts[unit] ?? 0) * unitMs,
    0,
  );
}
