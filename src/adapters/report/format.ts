/** How figures are written in the report. */
import { formatDuration } from '../../domain/progress.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** The largest unit of which there is one at least, in bytes. */
export function byteUnit(bytes: number): number {
  let unit = 1;
  for (let at = 1; at < UNITS.length && bytes / unit >= 1024; at += 1) unit *= 1024;
  return unit;
}

/** `12 B`, `3.4 GiB`. */
export function formatBytes(bytes: number): string {
  const unit = byteUnit(bytes);
  const figure = bytes / unit;
  const digits = unit > 1 && figure < 100 ? 1 : 0;
  return `${figure.toFixed(digits).replace(/\.0$/, '')} ${UNITS[Math.round(Math.log2(unit) / 10)]}`;
}

/** `1,234`. */
export function formatCount(number: number): string {
  return String(number).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** `40 ms`, `0.3 s`, `45 s`, `3 min 05 s`. */
export function formatTime(durationMs: number): string {
  if (durationMs > 0 && durationMs < 100) return `${Math.round(durationMs)} ms`;
  return durationMs < 9950
    ? `${(durationMs / 1000).toFixed(1).replace(/\.0$/, '')} s`
    : formatDuration(durationMs);
}

/** `2026-11-23 10:15:00 UTC`, from ISO 8601. */
export function formatMoment(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}
