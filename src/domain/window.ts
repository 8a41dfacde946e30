/** The time in which a run has to be over, the restoring of the registry included. */
import { RefusedError, WindowOverError } from './errors.ts';
import type { Figures } from './outcome.ts';
import { formatDuration } from './progress.ts';
import type { RunRecord } from './run.ts';
import { count } from './text.ts';

export interface Window {
  /** As it was given: `2h`. */
  readonly text: string;
  /** When the program began, in milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly lengthMs: number;
}

/** How long the registry takes to restart as long as nobody has seen it restart. Most take half a minute. */
export const CAREFUL_RESTART_MS = 2 * 60_000;
/** For what is under way at the end, and for the pod's going. In a short window it is a quarter of that. */
const MARGIN_MS = 30_000;

/** In milliseconds since 1970. */
export function endOf({ startedAtMs, lengthMs }: Window): number {
  return startedAtMs + lengthMs;
}

/**
 * When the work has to end so that everything is over in time: twice the time of a restart, and a margin, are kept
 * back. In milliseconds since 1970.
 *
 * @param restartMs how long a restart takes; 0 where nothing has to be put back
 */
export function lastMoment(window: Window, restartMs: number): number {
  return endOf(window) - marginMs(window) - 2 * restartMs;
}

/**
 * The same while the registry restarts for the first time: that takes `restartMs` or, should it be longer, as long as
 * it has taken up to then.
 */
export function lastMomentOfRestart(
  window: Window,
  given: { readonly restartMs: number; readonly sinceMs: number },
): number {
  const { restartMs, sinceMs } = given;
  // Where `moment + 2 * (moment - since)` reaches the end.
  return Math.min(lastMoment(window, restartMs), (lastMoment(window, 0) + 2 * sinceMs) / 3);
}

/** @throws RefusedError when there is no time left to enable deletion and to put the setting back */
export function requireRoom(
  window: Window,
  given: {
    readonly nowMs: number;
    readonly restarts: number;
    readonly restartMs: number;
    readonly next?: string | undefined;
  },
): void {
  const {
    nowMs,
    restarts,
    restartMs,
    next = 'Nothing was deleted. Continue with a longer --stop-after: npm run clean -- --resume --delete',
  } = given;
  // The last of them puts the settings back.
  const enablingMs = Math.max(0, restarts - 1) * restartMs;
  const restoringMs = restarts > 0 ? restartMs : 0;
  if (nowMs + enablingMs < lastMoment(window, restoringMs)) return;
  const neededMs = enablingMs + endOf(window) - lastMoment(window, restoringMs);
  throw new RefusedError(
    `The window of ${window.text} is too short: ${formatDuration(endOf(window) - nowMs)} of it are left, and ` +
      `restarting the registry and putting its setting back may take ${formatDuration(neededMs)}.`,
    { next },
  );
}

/** What is said when the work was ended in time, as far as that is known at that moment. */
export function windowOver({ text }: Window): WindowOverError {
  return new WindowOverError(`The window of ${text} is over.`, {
    next: 'Nothing was changed. Start again with a longer --stop-after.',
  });
}

/** What is said in the end: how far the run has come, and how it goes on. */
export function tellWindowOver(window: Window, run: RunRecord, figures: Figures): WindowOverError {
  const { planned, deleted, alreadyGone, drifted } = figures;
  const left = planned - deleted - alreadyGone - drifted;
  const state =
    run.stage === 'listing'
      ? 'the plan is not complete. Nothing was changed.'
      : `${count(deleted, 'tag')} deleted, ${left} left${left > 0 ? '.' : '; what stays was not all checked.'}`;
  return new WindowOverError(`The window of ${window.text} is over: ${state}`, {
    next: `Continue with: npm run clean -- --resume${run.deleting ? ' --delete' : ''}`,
  });
}

function marginMs({ lengthMs }: Window): number {
  return Math.min(MARGIN_MS, lengthMs / 4);
}
