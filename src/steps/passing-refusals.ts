/** Refusals of the API server that pass by themselves. */
import type { UnreachableError } from '../domain/errors.ts';
import type { Clock } from '../ports.ts';

/**
 * An API server that has just started answers 403 to everybody whose roles it has not read yet (Kubernetes pull request
 * 101422), mostly for seconds.
 */
const PASSES_WITHIN_MS = 60_000;

/** Tells a refusal that passes from a permission that is lacking: by how long it lasts. */
export class PassingRefusals {
  readonly #clock: Pick<Clock, 'now'>;
  #sinceMs: number | undefined;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** To be asked about each failure, one after the other: whether another try can help. */
  mayPass({ forbidden }: UnreachableError): boolean {
    if (!forbidden) {
      this.#sinceMs = undefined;
      return true;
    }
    this.#sinceMs ??= this.#clock.now();
    return this.#clock.now() - this.#sinceMs < PASSES_WITHIN_MS;
  }
}
