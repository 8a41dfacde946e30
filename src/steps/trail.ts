/** Notes for the audit trail. */
import { StorageError } from '../domain/errors.ts';
import type { TrailNote } from '../domain/trail.ts';
import type { Clock, Journal } from '../ports.ts';

interface Noting {
  readonly run: { readonly journal: Pick<Journal, 'note' | 'flush'> };
  readonly clock: Clock;
}

/** @throws StorageError once the journal cannot be written any more */
export function noteInTrail({ run, clock }: Noting, note: TrailNote): void {
  run.journal.note({ at: new Date(clock.now()).toISOString(), ...note });
}

/** The same, where a full disk must not keep anything from being put back or told. */
export function noteSafely(noting: Noting, note: TrailNote): void {
  try {
    noteInTrail(noting, note);
  } catch (error) {
    passOver(error);
  }
}

/** The same for the last word about a run: it is on disk when this returns, if that can be written. */
export async function noteLast(noting: Noting, note: TrailNote): Promise<void> {
  noteSafely(noting, note);
  await noting.run.journal.flush().catch(passOver);
}

function passOver(error: unknown): void {
  if (!(error instanceof StorageError)) throw error;
}
