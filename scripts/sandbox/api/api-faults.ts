import { setTimeout as sleep } from 'node:timers/promises';
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
  #armed: ApiFault[] = [];

  arm(fault: ApiFault): void {
    this.#armed.push(fault);
  }

  clear(): void {
    this.#armed = [];
    this.delayMs = 0;
  }

  /** Holds a request up or refuses it, as was asked for. @throws {ApiError} */
  async assertFairWeather(method: string, path: string): Promise<void> {
    if (this.delayMs > 0) await sleep(this.delayMs);
    const at = this.#armed.findIndex(
      (fault) => (fault.method ?? method) === method && path.includes(fault.path ?? ''),
    );
    const fault = this.#armed[at];
    if (fault === undefined) return;
    if (fault.times > 1) this.#armed[at] = { ...fault, times: fault.times - 1 };
    else this.#armed.splice(at, 1);
    const { code, retryAfterSeconds } = fault;
    const details = retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
    throw new ApiError({
      ...{ code, reason: reasons[code], message: `the sandbox was asked to answer ${code}` },
      ...(details === undefined ? {} : { details }),
    });
  }
}
