import { Pace } from './pace.ts';

/** Looks ask (GET, HEAD), changes change something (PUT, DELETE). */
export type Kind = 'look' | 'change';

/** The permission to send one request. */
export interface Pass {
  /** Gives it back. `refused`: it was too much for the registry (429, a time-out); `failed`: says nothing about that. */
  leave(outcome: 'answered' | 'refused' | 'failed'): void;
}

interface Lane {
  readonly pace: Pace;
  readonly waiting: Set<PromiseWithResolvers<Pass>>;
  underWay: number;
}

export interface GateOptions {
  /** Requests under way at a time, of both kinds together. */
  readonly ceiling: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Where requests wait until the registry can take them. Each kind has a window of its own, since a deletion costs the
 * registry something else than a look. No look is begun while a change waits: so little time passes between the look at
 * a tag and the change that follows from it.
 */
export class Gate {
  readonly #ceiling: number;
  readonly #now: () => number;
  readonly #lanes: Readonly<Record<Kind, Lane>>;

  constructor({ ceiling, now }: GateOptions) {
    this.#ceiling = ceiling;
    this.#now = now;
    const lane = () => ({
      pace: new Pace({ ceiling }),
      waiting: new Set<PromiseWithResolvers<Pass>>(),
      underWay: 0,
    });
    this.#lanes = { look: lane(), change: lane() };
  }

  /** Resolves when a request of that kind may be sent; rejects with the signal's reason when that is aborted first. */
  async enter(kind: Kind, signal: AbortSignal): Promise<Pass> {
    signal.throwIfAborted();
    const lane = this.#lanes[kind];
    const turn = Promise.withResolvers<Pass>();
    const abort = () => {
      lane.waiting.delete(turn);
      turn.reject(signal.reason);
      this.#admit();
    };
    signal.addEventListener('abort', abort, { once: true });
    lane.waiting.add(turn);
    this.#admit();
    try {
      return await turn.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #admit(): void {
    const { look, change } = this.#lanes;
    while (this.#admitOne(change));
    while (change.waiting.size === 0 && this.#admitOne(look));
  }

  #admitOne(lane: Lane): boolean {
    const [first] = lane.waiting;
    const { look, change } = this.#lanes;
    if (first === undefined || lane.underWay >= lane.pace.window) return false;
    if (look.underWay + change.underWay >= this.#ceiling) return false;
    lane.waiting.delete(first);
    lane.underWay += 1;
    first.resolve(this.#pass(lane));
    return true;
  }

  #pass(lane: Lane): Pass {
    const startedAtMs = this.#now();
    return {
      leave: (outcome) => {
        const nowMs = this.#now();
        const full = lane.waiting.size > 0 && lane.underWay >= lane.pace.window;
        lane.underWay -= 1;
        if (outcome === 'refused') lane.pace.refused({ nowMs, startedAtMs });
        else if (outcome === 'answered') lane.pace.answered({ nowMs, full });
        this.#admit();
      },
    };
  }
}
