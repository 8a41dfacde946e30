/** Waiting on a machine that may fall asleep meanwhile: a laptop that is closed, a virtual machine that is paused. */
import type { Clock } from '../ports.ts';

/** The most that counts of what passes between two looks at the clock: an answer of the API server may take as long. */
const LONGEST_MS = 60_000;
/** For a shorter limit, as large a part of it: whatever happens, there are some tries. */
const LONGEST_SHARE = 1 / 5;

/**
 * A clock for limits on waiting, by which hardly any time passes while the machine sleeps: a wait takes as long as it was
 * to take, and what comes between two looks at it at most `LONGEST_MS`. Set back, it stands still. For one wait at a time.
 */
export class AwakeClock implements Clock {
  readonly #clock: Clock;
  readonly #longestMs: number;
  #nowMs: number;
  #seenMs: number;

  /** @param limitMs how long is waited by it */
  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#longestMs = Math.min(LONGEST_MS, limitMs * LONGEST_SHARE);
    this.#nowMs = clock.now();
    this.#seenMs = this.#nowMs;
  }

  now(): number {
    this.#pass(this.#longestMs);
    return this.#nowMs;
  }

  random(): number {
    return this.#clock.random();
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#pass(this.#longestMs);
    await this.#clock.sleep(ms, signal);
    this.#pass(ms);
  }

  #pass(mostMs: number): void {
    const nowMs = this.#clock.now();
    this.#nowMs += Math.min(Math.max(0, nowMs - this.#seenMs), mostMs);
    this.#seenMs = nowMs;
  }
}
