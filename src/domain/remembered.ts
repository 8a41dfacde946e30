/** What tags were seen to stand for a short while ago, and when that counts for a scan without asking once more. */
import type { Repository, Tag } from './names.ts';
import { readRevision } from './plan.ts';
import { formatDuration } from './progress.ts';
import { refOf } from './scan.ts';
import { count } from './text.ts';

/** The tags that were not asked for again. */
export interface Remembered {
  readonly tags: number;
  /** When the first of them was looked at, ISO 8601. */
  readonly oldestAt: string;
}

/**
 * Whether an earlier look at a tag counts: only at a revision, which is built once, while others are there to be moved.
 * One that seems to come from the future does not count, since the clock was set back, and nobody knows how far.
 *
 * @param given.seenAtMs when it was looked at, in milliseconds since 1970; `undefined`: that does not count
 * @param given.maxAgeMs 0: nothing counts
 */
export function counts(
  {
    repository,
    tag,
    seenAtMs,
  }: {
    readonly repository: Repository;
    readonly tag: Tag;
    readonly seenAtMs: number | undefined;
  },
  { nowMs, maxAgeMs }: { readonly nowMs: number; readonly maxAgeMs: number },
): boolean {
  if (seenAtMs === undefined || seenAtMs > nowMs || nowMs - seenAtMs >= maxAgeMs) return false;
  const ref = refOf(repository);
  return ref !== undefined && readRevision(ref, tag) !== undefined;
}

/** @param at when the scan was over, ISO 8601 */
export function tellRemembered({ tags, oldestAt }: Remembered, at: string): string {
  const age = formatDuration(Date.parse(at) - Date.parse(oldestAt));
  return (
    `${count(tags, 'revision')} ${tags === 1 ? 'was' : 'were'} not asked for again: what was seen of them up to ` +
    `${age} earlier counts. --max-age 0 asks for each again.`
  );
}
