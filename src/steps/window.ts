/** Keeps a run within its window: moves the moment at which the work ends as more is known of what is still to come. */
import type { Figures } from '../domain/outcome.ts';
import type { RestartTimes, RunRecord } from '../domain/run.ts';
import {
  CAREFUL_RESTART_MS,
  lastMoment,
  lastMomentOfRestart,
  requireRoom,
  tellWindowOver,
  type Window,
  windowOver,
} from '../domain/window.ts';
import type { Alarm, Clock } from '../ports.ts';

export class WindowKeeper {
  readonly #window: Window;
  readonly #alarm: Alarm;
  readonly #clock: Clock;
  #restartMs = CAREFUL_RESTART_MS;

  /** From here on the work ends in time for what has no setting to put back. */
  constructor(window: Window, given: { readonly alarm: Alarm; readonly clock: Clock }) {
    this.#window = window;
    this.#alarm = given.alarm;
    this.#clock = given.clock;
    this.#endAt(lastMoment(window, 0));
  }

  /** What earlier runs tell of how long the registry takes to restart. */
  learn({ enablingMs = 0, restoringMs = 0 }: RestartTimes): void {
    this.#restartMs = Math.max(enablingMs, restoringMs) || this.#restartMs;
  }

  /**
   * @param next what is said then, where it is not about deleting
   * @throws RefusedError when the rest of the window is too short for so many restarts
   */
  requireRoom(restarts: number, next?: string): void {
    const restartMs = this.#restartMs;
    requireRoom(this.#window, { nowMs: this.#clock.now(), restarts, restartMs, next });
  }

  /** The setting is about to be changed, or was by an earlier start: from here on it has to be put back. */
  restarting(): void {
    const given = { restartMs: this.#restartMs, sinceMs: this.#clock.now() };
    this.#endAt(lastMomentOfRestart(this.#window, given));
  }

  /** The registry runs with the changed setting. @param tookMs how long its restart took, where this start has seen it */
  restarted(tookMs: number | undefined): void {
    this.#restartMs = tookMs ?? this.#restartMs;
    this.#endAt(lastMoment(this.#window, this.#restartMs));
  }

  /** The work has ended: what is left to do is done however long it takes. */
  workIsOver(): void {
    this.#alarm.clear();
  }

  /** Everything is put back: what is left may take the rest of the time. */
  restored(): void {
    this.#endAt(lastMoment(this.#window, 0));
  }

  /** What the person is told in the end. */
  tell(run: RunRecord, figures: Figures): Error {
    return tellWindowOver(this.#window, run, figures);
  }

  #endAt(momentMs: number): void {
    this.#alarm.set(momentMs, windowOver(this.#window));
  }
}
