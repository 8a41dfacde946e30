/** Time that passes only while somebody waits for it. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Alarm, Clock } from '../../../src/ports.ts';

export class FakeClock implements Clock {
  /** Every wait, in milliseconds. */
  readonly sleeps: number[] = [];
  readonly #alarms: FakeAlarm[] = [];
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
    this.#pass(Math.max(this.#nowMs, dueMs));
    signal.throwIfAborted();
  }

  advance(ms: number): void {
    this.#pass(this.#nowMs + ms);
  }

  /** An alarm by this time. */
  alarm(): Alarm {
    const alarm = new FakeAlarm(this);
    this.#alarms.push(alarm);
    return alarm;
  }

  #pass(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const alarm of this.#alarms) alarm.look();
  }
}

class FakeAlarm implements Alarm {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #due: { readonly atMs: number; readonly reason: Error } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  set(atMs: number, reason: Error): void {
    this.#due = { atMs, reason };
    this.look();
  }

  clear(): void {
    this.#due = undefined;
  }

  look(): void {
    if (this.#due && this.#clock.now() >= this.#due.atMs) this.#controller.abort(this.#due.reason);
  }
}
