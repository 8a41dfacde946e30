/** How long a request may take before it counts as lost. */
import type { Kind } from './gate.ts';

/** Times that what was slowest so far may be surpassed. */
const FACTOR = 10;
const MOST_MS = 30 * 60_000;
/**
 * A deletion reads every tag of the repository, one by one: 50,000 tags on storage that takes 5 ms a read are four
 * minutes, and nothing smaller may have been measured before. A look reads a few files, a listing a few thousand.
 */
const LEAST_MS: Readonly<Record<Kind, number>> = { look: 60_000, change: 5 * 60_000 };

const SETTLE_LEAST_MS = 1_000;
const SETTLE_MOST_MS = 5 * 60_000;

/** The time limit of one kind of request, which grows with what was measured. Pure: durations are passed in. */
export class TimeLimit {
  #slowestMs = 0;
  #limitMs: number;

  constructor(kind: Kind) {
    this.#limitMs = LEAST_MS[kind];
  }

  /** How long a request may take. */
  get limitMs(): number {
    return this.#limitMs;
  }

  /** A request took so long. */
  measured(durationMs: number): void {
    this.#slowestMs = Math.max(this.#slowestMs, durationMs);
    this.#raise(FACTOR * this.#slowestMs);
  }

  /** A request was given up after `limitMs`: the next one may take twice as long. */
  exceeded(limitMs: number): void {
    this.#slowestMs = Math.max(this.#slowestMs, limitMs);
    this.#raise(2 * limitMs);
  }

  /**
   * How long the registry may still be at work on a request whose connection was lost: it goes on without anybody who
   * waits for the answer. Twice the slowest so far, from a second to five minutes.
   */
  get settlingMs(): number {
    return Math.min(SETTLE_MOST_MS, Math.max(SETTLE_LEAST_MS, 2 * this.#slowestMs));
  }

  #raise(limitMs: number): void {
    this.#limitMs = Math.min(MOST_MS, Math.max(this.#limitMs, limitMs));
  }
}
