/** Time that passes only while somebody waits for it. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/ports.ts';

export class FakeClock implements Clock {
  /** Every wait, in milliseconds. */
  readonly sleeps: number[] = [];
  #nowMs = Date.UTC(2026, 10, 23, 10);

  now(): number {
    return this.#nowMs;
  }

  random(): number {
    return 0.5;
  }

  /** Waits that began together end together, as real ones do. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.sleeps.push(ms);
    const dueMs = this.#nowMs + ms;
    await turn();
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    signal.throwIfAborted();
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
