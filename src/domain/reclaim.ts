/** What collecting garbage has freed, and what it means for what was deleted before. */
import type { Digest } from './names.ts';
import type { Binding, RunRecord } from './run.ts';
import { count, formatBytes } from './text.ts';

/** Something changed within so many minutes is taken for a part of a push that is still under way. */
export const UNDER_WAY_MINUTES = 10;

/** What a registry's storage held at some moment, as far as it can be known. */
export interface Holding {
  readonly blobs: { readonly count: number; readonly bytes: number } | undefined;
  /** Used bytes of the volume, whatever else is on it. */
  readonly usedBytes: number | undefined;
}

/**
 * What was freed.
 *
 * - `measured`: by the used space of the volume
 * - `computed`: by the sizes of the blobs
 * - `unknown`: the registry's storage does not tell; `bytes` is missing
 */
export interface Reclaimed {
  readonly blobs: number;
  readonly bytes?: number;
  readonly how: 'measured' | 'computed' | 'unknown';
}

export function holdingOf(
  sizes: ReadonlyMap<Digest, number> | undefined,
  usedBytes: number | undefined,
): Holding {
  return { blobs: sizes && { count: sizes.size, bytes: sumOf(sizes.values()) }, usedBytes };
}

/** @param collected how many blobs the collector has told of; for storage that cannot be looked at */
export function reclaimedBetween(before: Holding, after: Holding, collected: number): Reclaimed {
  if (before.blobs === undefined || after.blobs === undefined) return { blobs: collected, how: 'unknown' };
  const blobs = Math.max(0, before.blobs.count - after.blobs.count);
  const computed = Math.max(0, before.blobs.bytes - after.blobs.bytes);
  const { usedBytes } = before;
  const measured =
    usedBytes === undefined || after.usedBytes === undefined ? undefined : usedBytes - after.usedBytes;
  return measured !== undefined && isBelievable(measured, { blobs, computed })
    ? { blobs, bytes: measured, how: 'measured' }
    : { blobs, bytes: computed, how: 'computed' };
}

/** Room that a file system may need for a blob beside its bytes: its blocks, its folder. */
const OVERHEAD_BYTES = 16 * 1024;

/** Others may write to the same volume meanwhile: then what is measured says nothing of the garbage. */
function isBelievable(measured: number, given: { blobs: number; computed: number }): boolean {
  const { blobs, computed } = given;
  // A file system that compresses gives back less.
  return measured >= computed / 2 && measured <= computed + blobs * OVERHEAD_BYTES;
}

/** What was freed in all, by a run that has collected more than once. */
export function together(one: Reclaimed | undefined, other: Reclaimed): Reclaimed {
  if (one === undefined) return other;
  const blobs = one.blobs + other.blobs;
  if (one.bytes === undefined || other.bytes === undefined) return { blobs, how: 'unknown' };
  const how = one.how === other.how ? one.how : 'computed';
  return { blobs, bytes: one.bytes + other.bytes, how };
}

/** `12 blobs, 3.4 GiB as measured on the volume`. */
export function tellReclaimed({ blobs, bytes, how }: Reclaimed): string {
  const size = {
    measured: `${formatBytes(bytes ?? 0)} as measured on the volume`,
    computed: `${formatBytes(bytes ?? 0)} by the blobs' sizes`,
    unknown: 'how many bytes is not known',
  }[how];
  return `${count(blobs, 'blob')}, ${size}`;
}

/** What the collector would take. */
export function wouldReclaim(
  eligible: ReadonlySet<Digest>,
  sizes: ReadonlyMap<Digest, number> | undefined,
): Reclaimed {
  if (sizes === undefined) return { blobs: eligible.size, how: 'unknown' };
  return {
    blobs: eligible.size,
    bytes: sumOf([...eligible].map((digest) => sizes.get(digest) ?? 0)),
    how: 'computed',
  };
}

/** Why what a run had deleted can no longer be taken back; `undefined` as long as all of it may be. */
export function whyNotTakenBack({ id, reclaimedAt }: RunRecord): string | undefined {
  return reclaimedAt === undefined
    ? undefined
    : `Garbage was collected on ${reclaimedAt}: what run ${id} had deleted by then can no longer be taken back.`;
}

/** The run's record as soon as collecting garbage begins: all that it has deleted is final. */
export function beginReclaim({ deletedSince: _, ...run }: RunRecord, at: string): RunRecord {
  return { ...run, reclaimedAt: at };
}

/** Garbage was collected by this run, to the end, and it has deleted nothing since. */
export function isCollected({ steps, deletedSince }: RunRecord): boolean {
  return steps['collect-garbage']?.state === 'done' && deletedSince === undefined;
}

/** The run's record once garbage was collected in a registry; `undefined` where it is a run of another. */
export function afterReclaim(run: RunRecord, where: Binding, at: string): RunRecord | undefined {
  const { binding } = run;
  const isThere =
    binding !== undefined &&
    (['clusterUid', 'namespace', 'workload'] as const).every((key) => binding[key] === where[key]);
  return isThere && run.deleting ? beginReclaim(run, at) : undefined;
}

function sumOf(numbers: Iterable<number>): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}
