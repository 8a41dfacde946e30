/** Remaining time of a long step, from what it has done so far. */

/** Milliseconds that are probably left; `undefined` while nothing can be said (nothing done, or less than a second). */
export function remainingMs(given: { done: number; total: number; elapsedMs: number }): number | undefined {
  if (given.done <= 0 || given.elapsedMs < 1000) return undefined;
  return (given.elapsedMs / given.done) * Math.max(0, given.total - given.done);
}

/** `45 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
