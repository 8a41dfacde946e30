import { setTimeout as delay } from 'node:timers/promises';
import { abortable } from './abortable.ts';

/** The changes that the registry may be at work on: those without an answer yet, and those whose answer was lost. */
export class Changes {
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #now: () => number;
  #settledAtMs = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Remembers one until its answer is there. */
  add(change: Promise<unknown>): void {
    this.#underWay.add(change);
    const forget = () => this.#underWay.delete(change);
    change.then(forget, forget);
  }

  /** The answer of one will not come, although the registry may still be at work on it for so long. */
  lost(settlingMs: number): void {
    this.#settledAtMs = Math.max(this.#settledAtMs, this.#now() + settlingMs);
  }

  /** Returns when there are none. Rejects with the signal's reason when that is aborted first. */
  async settle(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#underWay.size > 0) await abortable(Promise.allSettled(this.#underWay), { signal });
    const leftMs = this.#settledAtMs - this.#now();
    if (leftMs > 0) await abortable(delay(leftMs), { signal });
  }
}
