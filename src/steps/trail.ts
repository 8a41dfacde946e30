/** Notes for the audit trail. */
import { StorageError } from '../domain/errors.ts';
import type { TrailNote } from '../domain/trail.ts';
import type { Clock, Journal } from '../ports.ts';

interface Noting {
  readonly run: { readonly journal: Pick<Journal, 'note'> };
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
    if (!(error instanceof StorageError)) throw error;
  }
}
