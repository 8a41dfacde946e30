/** How the program ends: an exit code, what is said about an error, and the closing object. */
import { constants } from 'node:os';
import type { UndoTally } from '../commands/undo.ts';
import type { Tally } from '../commands/world.ts';
import {
  CleanerError,
  InterruptedError,
  RefusedError,
  RestoreError,
  StorageError,
  UnreachableError,
  UsageError,
  WindowOverError,
} from '../domain/errors.ts';
import { noFigures, type Summary } from '../domain/outcome.ts';

import type { UndoSummary } from '../domain/undo.ts';
import { verifyFigures } from '../domain/verify.ts';

import type { Person } from '../ports.ts';

/** For `--help`. */
export const EXIT_CODES = `Exit codes:
    0  done
    1  a defect of the program
    2  bad input or usage; nothing was touched
    3  something could not be deleted, or put back whole; or the check after
       deleting has found something lost, or the time of --stop-after was over
    4  refused, to keep something safe
    5  the cluster or the registry could not be reached or said no, or a
       setting could not be put back (this outranks every other)
    6  local storage failed
  128+n  ended by signal n`;

export interface Ending {
  person: Person | undefined;
  tally: Tally | undefined;
  error: unknown;
  undo: UndoTally | undefined;
  /** Tags that could not be deleted, or put back whole, or that are not what they have to be. */
  failed: number;
  /** The command has told what it found, which stands for the closing object; `unread`: why something was not found. */
  report: { readonly unread: unknown } | undefined;
}

export function exitCodeOf(ending: Ending): number {
  const { failed, report } = ending;
  const error = ending.error ?? report?.unread;
  if (error === undefined) return failed > 0 ? 3 : 0;
  if (error instanceof RestoreError) return 5;
  if (error instanceof UsageError) return 2;
  if (error instanceof WindowOverError) return 3;
  if (error instanceof RefusedError) return 4;
  if (error instanceof UnreachableError) return 5;
  if (error instanceof StorageError) return 6;
  if (error instanceof InterruptedError) return 128 + constants.signals[error.signal];
  return 1;
}

/** For standard error. */
export function explain(error: unknown): string {
  if (error instanceof CleanerError)
    return `\n${error.message}\n${error.next === '' ? '' : `${error.next}\n`}`;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `\nThis is a defect of the program. Please report it with these lines:\n${detail}\n`;
}

export function summarise(
  { tally, undo }: Ending,
  exitCode: number,
  durationMs: number,
): Summary | UndoSummary {
  if (undo !== undefined)
    return { event: 'summary', mode: 'undo', exitCode, run: undo.run, ...undo.figures(), durationMs };
  return {
    event: 'summary',
    mode: tally?.mode ?? 'plan',
    exitCode,
    environments: tally?.environments ?? 0,
    ...(tally?.figures() ?? noFigures),
    ...verifyFigures(tally?.verification()),
    predictedBytes: tally?.predicted() ?? null,
    reclaimedBytes: tally?.reclaimed?.bytes ?? null,
    resumed: tally?.resumed ?? false,
    ...(tally?.saved && { saved: tally.saved }),
    durationMs,
    ...(tally?.report !== undefined && { report: tally.report }),
  };
}
