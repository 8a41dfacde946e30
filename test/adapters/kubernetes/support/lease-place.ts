/** One place for a lease, in memory, which answers like the API server. */
import type { LeaseRequests } from '../../../../src/adapters/kubernetes/lease-requests.ts';
import { encodeLease, type LeaseObject, type LeaseRecord } from '../../../../src/domain/lease.ts';

type LeaseCall = 'find' | 'create' | 'update' | 'remove';

export class LeasePlace implements LeaseRequests {
  /** What is there now. */
  object: LeaseObject | undefined;
  /** Called before a request; what it throws is its failure. */
  before: (call: LeaseCall, signal: AbortSignal) => void | Promise<void> = () => {};
  /** Called when it has taken place; what it throws is an answer that was lost. */
  after: (call: LeaseCall) => void = () => {};
  /** The requests, in their order. */
  readonly calls: LeaseCall[] = [];
  #versions = 0;

  /** Puts a lease there, whoever has it. */
  put(record: LeaseRecord): LeaseObject {
    const { metadata, spec } = encodeLease(record);
    this.#versions += 1;
    const { uid = `uid-${this.#versions}` } = this.object?.metadata ?? {};
    const resourceVersion = String(this.#versions);
    this.object = { metadata: { uid, resourceVersion, ...metadata }, spec };
    return this.object;
  }

  find(signal: AbortSignal) {
    return this.#answer('find', signal, () => this.object);
  }

  create(record: LeaseRecord, signal: AbortSignal) {
    return this.#answer('create', signal, () => (this.object ? undefined : this.put(record)));
  }

  update(record: LeaseRecord, seen: LeaseObject, signal: AbortSignal) {
    return this.#answer('update', signal, () => (this.#isSame(seen) ? this.put(record) : undefined));
  }

  remove(seen: LeaseObject, signal: AbortSignal) {
    return this.#answer('remove', signal, () => {
      if (this.object !== undefined && !this.#isSame(seen)) return false;
      this.object = undefined;
      return true;
    });
  }

  #isSame({ metadata }: LeaseObject): boolean {
    const now = this.object?.metadata;
    return now?.uid === metadata?.uid && now?.resourceVersion === metadata?.resourceVersion;
  }

  async #answer<Value>(call: LeaseCall, signal: AbortSignal, act: () => Value): Promise<Value> {
    this.calls.push(call);
    await this.before(call, signal);
    signal.throwIfAborted();
    const answer = act();
    this.after(call);
    return answer;
  }
}
