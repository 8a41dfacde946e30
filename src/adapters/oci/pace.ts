/**
 * How many requests of one kind may be under way at a time. The registry's speed is found out by trying: the window
 * grows as long as that makes more answers come each second, and is taken back when it only makes each of them later.
 *
 * With a window that is always full, latency is window divided by throughput (Little's law), so throughput alone tells
 * whether latency grew for nothing. Latency alone would not: with a registry that is busy on all its cores it grows with
 * the window although nothing is lost, and one deletion reads ten tags and the next ten thousand. What a registry
 * refuses outright (429, 503, a time-out) halves the window, as TCP does.
 *
 * Pure: time is passed in.
 */

/** Begins with as many, or with the ceiling. */
const INITIAL = 8;
/** What latency alone never takes the window below: the loss at a mistake would be too large. */
const FLOOR = 4;
/** An epoch is at least as long: shorter ones measure chance. */
const EPOCH_MS = 100;
const EPOCH_ANSWERS = 16;
/** The window grew for something when throughput grew at least by its growth to that power. */
const WORTHWHILE = 0.25;
/** Epochs between two trials of a larger window. */
const REST_EPOCHS = 10;
/** The registry has become slower when throughput fell to that part of what it was. */
const SLOWER = 0.7;
/** A smaller window costs nothing when that part of the throughput is left. */
const UNHARMED = 0.9;

/**
 * - `growing`: tries a larger window than `reference`
 * - `steady`: measures, and tries something now and then
 * - `shrinking`: tries a smaller window than `reference`
 * - `recovering`: grows a little at a time after a refusal
 */
type Mode = 'growing' | 'steady' | 'shrinking' | 'recovering';

interface Measurement {
  readonly window: number;
  /** Answers a millisecond. */
  readonly throughput: number;
}

export class Pace {
  readonly #ceiling: number;
  #window: number;
  #mode: Mode = 'growing';
  #reference: Measurement | undefined;
  #restedEpochs = 0;
  #halvedAtMs = Number.NEGATIVE_INFINITY;
  #epoch: { startedAtMs: number; answers: number } | undefined;
  /** Answers that belong to the window as it was before its last change. */
  #stale = 0;

  constructor({ ceiling }: { readonly ceiling: number }) {
    this.#ceiling = ceiling;
    this.#window = Math.min(INITIAL, ceiling);
  }

  /** As many requests may be under way; at least 1. */
  get window(): number {
    return this.#window;
  }

  /**
   * An answer came that shows that the registry keeps up.
   *
   * @param full whether it was this window that kept others waiting; otherwise throughput says nothing about it
   */
  answered({ nowMs, full }: { readonly nowMs: number; readonly full: boolean }): void {
    if (this.#stale > 0) {
      this.#stale -= 1;
      return;
    }
    if (!full) {
      this.#epoch = undefined;
      return;
    }
    this.#epoch ??= { startedAtMs: nowMs, answers: -1 };
    this.#epoch.answers += 1;
    const { startedAtMs, answers } = this.#epoch;
    const elapsedMs = nowMs - startedAtMs;
    if (elapsedMs < EPOCH_MS || answers < Math.max(EPOCH_ANSWERS, 2 * this.#window)) return;
    this.#epoch = { startedAtMs: nowMs, answers: 0 };
    this.#judge({ window: this.#window, throughput: answers / elapsedMs });
  }

  /** The registry refused a request as too many, or did not answer it in time. */
  refused({ nowMs, startedAtMs }: { readonly nowMs: number; readonly startedAtMs: number }): void {
    // What was under way when the window was halved says nothing about the smaller one.
    if (startedAtMs < this.#halvedAtMs) return;
    this.#halvedAtMs = nowMs;
    this.#mode = 'recovering';
    this.#change(this.#window / 2);
  }

  #judge(measured: Measurement): void {
    const judge = {
      growing: () => this.#judgeGrowth(measured),
      shrinking: () => this.#judgeShrinking(measured),
      steady: () => this.#judgeSteady(measured),
      recovering: () => this.#recover(measured),
    } satisfies Record<Mode, () => void>;
    judge[this.#mode]();
  }

  #judgeGrowth(measured: Measurement): void {
    const before = this.#reference;
    const growth = before === undefined ? 1 : measured.window / before.window;
    if (before !== undefined && measured.throughput < before.throughput * growth ** WORTHWHILE)
      this.#goBack(before);
    else if (this.#window >= this.#ceiling) this.#rest(measured);
    else this.#try(measured, this.#window * 2);
  }

  #judgeShrinking(measured: Measurement): void {
    const before = this.#reference ?? measured;
    if (measured.throughput < before.throughput * UNHARMED) this.#goBack(before);
    else if (this.#window <= FLOOR) this.#rest(measured);
    else this.#try(measured, this.#smaller());
  }

  #judgeSteady(measured: Measurement): void {
    const usual = this.#reference ?? measured;
    if (measured.throughput < usual.throughput * SLOWER && this.#window > FLOOR) {
      this.#mode = 'shrinking';
      this.#try(measured, this.#smaller());
      return;
    }
    this.#restedEpochs += 1;
    const throughput = 0.8 * usual.throughput + 0.2 * measured.throughput;
    this.#reference = { window: this.#window, throughput };
    if (this.#restedEpochs < REST_EPOCHS || this.#window >= this.#ceiling) return;
    this.#mode = 'growing';
    this.#change(Math.ceil(this.#window * 1.5));
  }

  #recover(measured: Measurement): void {
    if (this.#window < this.#ceiling) this.#change(this.#window + 1);
    else this.#rest(measured);
  }

  #smaller(): number {
    return Math.max(FLOOR, this.#window * SLOWER);
  }

  #try(measured: Measurement, window: number): void {
    this.#reference = measured;
    this.#change(window);
  }

  #goBack(before: Measurement): void {
    this.#change(before.window);
    this.#rest(before);
  }

  #rest(measured: Measurement): void {
    this.#mode = 'steady';
    this.#reference = measured;
    this.#restedEpochs = 0;
  }

  #change(window: number): void {
    this.#stale = this.#window;
    this.#epoch = undefined;
    this.#window = Math.max(1, Math.min(this.#ceiling, Math.floor(window)));
  }
}
