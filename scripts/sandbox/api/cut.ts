import { Armed } from '../armed.ts';

/** When a session's socket is to be cut by force; whichever comes first. */
export interface Cut {
  readonly afterBytes?: number;
  readonly afterMessages?: number;
}

/** A cut that waits for its session. */
export interface ArmedCut extends Cut {
  readonly podPrefix: string;
  readonly times: number;
}

/** Counts what a session sends, up to its cut. */
export class CutMeter {
  readonly #cut: Required<Cut>;
  #bytes = 0;
  #messages = 0;

  constructor({ afterBytes = Number.POSITIVE_INFINITY, afterMessages = Number.POSITIVE_INFINITY }: Cut = {}) {
    this.#cut = { afterBytes, afterMessages };
  }

  /** How much of a message may still go. */
  admit(content: Buffer): Buffer {
    const admitted = content.subarray(0, this.#cut.afterBytes - this.#bytes);
    this.#bytes += admitted.length;
    this.#messages += 1;
    return admitted;
  }

  get isReached(): boolean {
    return this.#bytes >= this.#cut.afterBytes || this.#messages >= this.#cut.afterMessages;
  }
}

/** Something with a socket that belongs to a pod. */
interface Session {
  readonly podName: string;
  /** Cuts the socket as a broken network does: no status, no goodbye. */
  drop(): void;
}

/** The open sessions of one kind, and the cuts that wait for future ones. */
export class Sessions {
  readonly #open = new Set<Session>();
  readonly #cuts = new Armed<ArmedCut>();

  add(session: Session): void {
    this.#open.add(session);
  }

  delete(session: Session): void {
    this.#open.delete(session);
  }

  /** Cuts the sockets of future sessions in mid-stream. */
  arm(cut: ArmedCut): void {
    this.#cuts.arm(cut);
  }

  clear(): void {
    this.#cuts.clear();
  }

  /** The cut that waits for a session with this pod, if there is one. */
  takeCut(podName: string): Cut | undefined {
    return this.#cuts.take(({ podPrefix }) => podName.startsWith(podPrefix));
  }

  /** Cuts every open socket of pods whose name begins so, now. */
  drop(podPrefix: string): void {
    for (const session of this.#open) {
      if (session.podName.startsWith(podPrefix)) session.drop();
    }
  }
}
