/** The lease beside the registry, as several programs see it. */
import {
  encodeLease,
  heldByOther,
  type LeaseHolder,
  type LeaseRecord,
  leaseExpired,
  leaseGone,
  leaseTaken,
} from '../../../src/domain/lease.ts';
import type { HeldLease, LeasePort } from '../../../src/ports.ts';

type LeaseCall = 'find' | 'acquire' | 'confirm' | 'keepSetting' | 'release';

/**
 * What has become of the holder:
 *
 * - `working`: it renews the lease
 * - `dead`: its process was killed, on the machine of whoever asks
 * - `silent`: it does not renew the lease any more, on some other machine
 */
type Fate = 'working' | 'dead' | 'silent';

/** The cluster's one place for the lease; several ports may look at it. */
export class FakeLeasePlace {
  /** What stands there. May be set: somebody has changed or deleted it. */
  record: LeaseRecord | undefined;
  fate: Fate = 'working';
  /** How often somebody has waited for a lease to expire. */
  waits = 0;
  /** Called before an operation; what it throws is its failure. */
  before: (call: LeaseCall) => void = () => {};
  /** Called when it has taken place; what it throws is an answer that was lost. */
  after: (call: LeaseCall) => void = () => {};
  #holdings = 0;

  port(run: string): LeasePort {
    return {
      find: async () => {
        this.before('find');
        return structuredClone(this.record);
      },
      acquire: async (progress, signal) => {
        signal.throwIfAborted();
        this.before('acquire');
        const previous = this.record;
        const isResumed = this.fate === 'dead' && previous?.holder.run === run;
        if (previous && this.fate !== 'dead') {
          progress.status(`waiting for the lease of run ${previous.holder.run}`);
          if (this.fate === 'working') throw heldByOther(previous);
          this.waits += 1;
        }
        const holding = this.#take(run, previous);
        this.after('acquire');
        return new FakeHeldLease(this, holding, isResumed ? undefined : previous);
      },
    };
  }

  #take(run: string, previous: LeaseRecord | undefined): LeaseRecord {
    this.#holdings += 1;
    const holder = { ...HOLDER, run, id: `holding-${this.#holdings}` };
    this.fate = 'working';
    this.record = { ...RECORD, holder, setting: previous?.setting };
    return this.record;
  }
}

const HOLDER: Omit<LeaseHolder, 'run' | 'id'> = {
  by: 'ann@laptop',
  host: 'laptop',
  pid: 4711,
  machine: 'boot-1 pid:[1]',
  started: '12345',
};
const RECORD: Omit<LeaseRecord, 'holder' | 'setting'> = {
  since: '2026-11-23T10:00:00.000Z',
  renewedAt: '2026-11-23T10:00:00.000Z',
  durationSeconds: 60,
};

class FakeHeldLease implements HeldLease {
  readonly takenOver: LeaseRecord | undefined;
  readonly #place: FakeLeasePlace;
  readonly #lost = new AbortController();
  #own: LeaseRecord;
  #released = false;

  constructor(place: FakeLeasePlace, own: LeaseRecord, takenOver: LeaseRecord | undefined) {
    this.#place = place;
    this.#own = own;
    this.takenOver = takenOver;
  }

  get setting(): string | undefined {
    return this.#own.setting;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  requireHeld(): void {
    if (this.#released) throw new Error('The lease has been let go of.');
    const { record, fate } = this.#place;
    if (record === undefined) this.#lost.abort(leaseGone());
    else if (!this.#isOurs(record)) this.#lost.abort(leaseTaken(encodeLease(record)));
    else if (fate !== 'working') this.#lost.abort(leaseExpired(45_000));
    this.#lost.signal.throwIfAborted();
  }

  async confirm(signal: AbortSignal): Promise<void> {
    this.#begin('confirm', signal);
    const { record } = this.#place;
    if (record && !this.#isOurs(record)) throw this.#lose(leaseTaken(encodeLease(record)));
    if (record === undefined) {
      this.#lose(leaseGone());
      this.#own = { ...this.#own, setting: undefined };
    }
    this.#write();
    this.#place.after('confirm');
  }

  async keepSetting(setting: string | undefined, signal: AbortSignal): Promise<void> {
    this.#begin('keepSetting', signal);
    const { record } = this.#place;
    if (record === undefined) throw this.#lose(leaseGone());
    if (!this.#isOurs(record)) throw this.#lose(leaseTaken(encodeLease(record)));
    this.#own = { ...this.#own, setting };
    this.#write();
    this.#place.after('keepSetting');
  }

  async release(signal: AbortSignal): Promise<void> {
    this.#released = true;
    signal.throwIfAborted();
    this.#place.before('release');
    if (this.#place.record && this.#isOurs(this.#place.record)) this.#place.record = undefined;
    this.#place.after('release');
  }

  #begin(call: LeaseCall, signal: AbortSignal): void {
    if (this.#released) throw new Error(`${call} of a lease that has been let go of`);
    signal.throwIfAborted();
    this.#place.before(call);
  }

  /** A renewal: whoever was silent is heard again. */
  #write(): void {
    this.#place.record = this.#own;
    this.#place.fate = 'working';
  }

  #isOurs(record: LeaseRecord): boolean {
    return record.holder.id === this.#own.holder.id;
  }

  #lose<Reason extends Error>(reason: Reason): Reason {
    this.#lost.abort(reason);
    return reason;
  }
}
