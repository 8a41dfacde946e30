/** Keeps a lease that has been taken: renews it, and knows how long one may rely on it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError } from '../../domain/errors.ts';
import {
  elapsedMs,
  isHeldBy,
  LEASE_NAME,
  type LeaseLostError,
  type LeaseObject,
  type LeaseRecord,
  leaseExpired,
  leaseGone,
  leaseTaken,
  type Moment,
} from '../../domain/lease.ts';
import type { HeldLease } from '../../ports.ts';
import type { LeaseRequests } from './lease-requests.ts';

export interface LeaseTimes {
  readonly leaseMarginMs: number;
  readonly leaseRenewMs: number;
  readonly leaseRetryMs: number;
}

/** A lease as it was written: the record, the object that the API server made of it, and when that was asked for. */
export interface WrittenLease {
  readonly record: LeaseRecord;
  readonly object: LeaseObject;
  readonly askedAt: Moment;
}

interface KeeperOptions {
  readonly times: LeaseTimes;
  readonly takenOver: LeaseRecord | undefined;
  /** This machine's clocks. */
  readonly now: () => Moment;
}

/** More changes of the lease by others within one renewal are a fight. */
const CONFLICTS = 5;

export class LeaseKeeper implements HeldLease {
  readonly takenOver: LeaseRecord | undefined;
  readonly #requests: LeaseRequests;
  readonly #times: LeaseTimes;
  readonly #now: () => Moment;
  readonly #lost = new AbortController();
  readonly #closed = new AbortController();
  /** How long one may rely on a renewal. */
  readonly #limitMs: number;
  #written: WrittenLease;
  /** Requests are made one after the other, so that each knows what the last one has written. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(requests: LeaseRequests, written: WrittenLease, { times, takenOver, now }: KeeperOptions) {
    this.takenOver = takenOver;
    this.#requests = requests;
    this.#times = times;
    this.#now = now;
    this.#limitMs = written.record.durationSeconds * 1000 - times.leaseMarginMs;
    this.#written = written;
    void this.#keep();
  }

  get setting(): string | undefined {
    return this.#written.record.setting;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  requireHeld(): void {
    if (this.#closed.signal.aborted) throw new Error('The lease has been let go of.');
    this.#judge();
    this.#lost.signal.throwIfAborted();
  }

  confirm(signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      // Whoever took over in between has put the setting back: it must not be done once more from an old record.
      if ((await this.#write({}, signal)) === 'gone') await this.#takeAnew(signal);
    });
  }

  keepSetting(setting: string | undefined, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      if ((await this.#write({ setting }, signal)) === 'gone') throw leaseGone();
    });
  }

  release(signal: AbortSignal): Promise<void> {
    this.#closed.abort();
    return this.#inTurn(async () => {
      let seen: LeaseObject | undefined = this.#written.object;
      for (let conflicts = 0; conflicts < CONFLICTS; conflicts += 1) {
        if (await this.#requests.remove(seen, signal)) return;
        // A renewal that was cut short may have taken place.
        seen = await this.#requests.find(signal);
        if (seen === undefined || !this.#isOurs(seen)) return;
      }
      throw fight();
    });
  }

  /** Renews the lease until it is let go of, but does not keep the program from ending. */
  async #keep(): Promise<void> {
    const { leaseRenewMs, leaseRetryMs } = this.#times;
    const { signal } = this.#closed;
    for (let delayMs = leaseRenewMs; ; ) {
      await sleep(delayMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      this.#judge();
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(leaseRenewMs)]);
      // Goes on also after the limit: while this run puts everything back, nobody else should begin.
      const isRenewed = await this.#inTurn(() => this.#write({}, inTime)).then(
        (outcome) => outcome === 'written',
        () => false,
      );
      this.#judge();
      delayMs = isRenewed ? leaseRenewMs : leaseRetryMs;
    }
  }

  /** Writes the record, as a renewal. @throws LeaseLostError when the lease is another's */
  async #write(change: Partial<LeaseRecord>, signal: AbortSignal): Promise<'written' | 'gone'> {
    let seen = this.#written.object;
    for (let conflicts = 0; conflicts < CONFLICTS; conflicts += 1) {
      // Before the request: observers count from its effect, which comes later.
      const askedAt = this.#now();
      const record = { ...this.#written.record, ...change, renewedAt: isoTime(askedAt) };
      const object = await this.#requests.update(record, seen, signal);
      if (object !== undefined) {
        this.#written = { record, object, askedAt };
        return 'written';
      }
      const found = await this.#requests.find(signal);
      if (found === undefined) {
        this.#lose(leaseGone());
        return 'gone';
      }
      if (!this.#isOurs(found)) throw this.#lose(leaseTaken(found));
      seen = found;
    }
    throw fight();
  }

  async #takeAnew(signal: AbortSignal): Promise<void> {
    const askedAt = this.#now();
    const record = { ...this.#written.record, renewedAt: isoTime(askedAt), setting: undefined };
    const object = (await this.#requests.create(record, signal)) ?? (await this.#requests.find(signal));
    if (object === undefined) throw leaseGone();
    // An answer may have been lost: then it is our own that is there already.
    if (!this.#isOurs(object)) throw leaseTaken(object);
    this.#written = { record, object, askedAt };
  }

  #isOurs(object: LeaseObject): boolean {
    return isHeldBy(object, this.#written.record.holder);
  }

  #judge(): void {
    if (elapsedMs(this.#written.askedAt, this.#now()) > this.#limitMs)
      this.#lose(leaseExpired(this.#limitMs));
  }

  /** What is lost stays lost, whatever is heard of it later. */
  #lose(reason: LeaseLostError): LeaseLostError {
    if (!this.#lost.signal.aborted) this.#lost.abort(reason);
    return reason;
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const outcome = this.#turn.then(work);
    this.#turn = outcome.catch(() => {});
    return outcome;
  }
}

function isoTime({ wallMs }: Moment): string {
  return new Date(wallMs).toISOString();
}

function fight(): ConflictError {
  return new ConflictError(`The Lease ${LEASE_NAME} is changed by somebody else all the time.`, {
    next: 'Look at what changes it.',
  });
}
