import { setTimeout as sleep } from 'node:timers/promises';
import { Armed } from '../armed.ts';
import { ApiError } from './status.ts';

/** Requests that are to go wrong; what is left out stands for every request. */
export interface ApiFault {
  readonly code: 429 | 500 | 502 | 503 | 504;
  /** How many requests it hits. */
  readonly times: number;
  readonly method?: string;
  /** Part of the path. */
  readonly path?: string;
  /** What the header `Retry-After` says. */
  readonly retryAfterSeconds?: number;
}

const reasons = {
  429: 'TooManyRequests',
  500: 'InternalError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'Timeout',
} as const;

/** Bad weather at the API server, on request. */
export class ApiFaults {
  /** Every request takes this much longer. */
  delayMs = 0;
  readonly #armed = new Armed<ApiFault>();

  arm(fault: ApiFault): void {
    this.#armed.arm(fault);
  }

  clear(): void {
    this.#armed.clear();
    this.delayMs = 0;
  }

  /** Holds a request up or refuses it, as was asked for. @throws {ApiError} */
  async assertFairWeather(method: string, path: string): Promise<void> {
    if (this.delayMs > 0) await sleep(this.delayMs);
    const fault = this.#armed.take(
      (candidate) => (candidate.method ?? method) === method && path.includes(candidate.path ?? ''),
    );
    if (fault === undefined) return;
    const { code, retryAfterSeconds } = fault;
    const details = retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
    throw new ApiError({
      ...{ code, reason: reasons[code], message: `the sandbox was asked to answer ${code}` },
      ...(details === undefined ? {} : { details }),
    });
  }
}
