/** Which images are in use, as it was seen a moment ago. */
import { backoffMs } from '../domain/backoff.ts';
import { UnreachableError } from '../domain/errors.ts';
import { type ImageUse, type Unseen, type UsedImages, usedImages } from '../domain/in-use.ts';
import { roleRules } from '../domain/permissions.ts';
import type { Clock, ImagesInUsePort } from '../ports.ts';
import { AwakeClock } from './awake-clock.ts';
import { PassingRefusals } from './passing-refusals.ts';

/** What was seen is good for so long: what begins to run in that time finds its image gone. */
const FRESH_FOR_MS = 5000;
/** And for so many times as long as it took to see: in a large cluster it takes the API server a while. */
const FRESH_FOR_TIMES = 10;

/** As long as the registry is waited for: a control plane of one server restarts in that time. */
const PATIENCE_MS = 90_000;

export interface InUseOptions {
  readonly port: ImagesInUsePort;
  /** Images that are known from elsewhere. */
  readonly known: readonly ImageUse[];
  /** Goes on although it may not be seen everywhere what is in use. */
  readonly maySeeLess: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface Look {
  readonly used: UsedImages;
  readonly beganAtMs: number;
  readonly freshUntilMs: number;
}

export class ImagesInUse {
  readonly #options: InUseOptions;
  #latest: Look | undefined;
  #underWay: Promise<UsedImages> | undefined;
  #unseen: readonly Unseen[] = [];
  #hasSeen = false;

  constructor(options: InUseOptions) {
    this.#options = options;
  }

  /** Where it may not be seen what is in use, at the latest look. */
  get unseen(): readonly Unseen[] {
    return this.#unseen;
  }

  /**
   * What is in use; looks again unless that was done a moment ago.
   *
   * @throws UnreachableError when something may not be seen that has to be
   */
  async now(): Promise<UsedImages> {
    if (this.#latest !== undefined && this.#isFresh(this.#latest)) return this.#latest.used;
    this.#underWay ??= this.#look().finally(() => {
      this.#underWay = undefined;
    });
    return await this.#underWay;
  }

  /** Where the look is yet to come by the clock, that was set back: nobody knows how long ago it was. */
  #isFresh({ beganAtMs, freshUntilMs }: Look): boolean {
    const nowMs = this.#options.clock.now();
    return beganAtMs <= nowMs && nowMs < freshUntilMs;
  }

  /** What was seen before is not good enough any more. */
  lookAgain(): void {
    this.#latest = undefined;
  }

  /** A run that is under way sits out what passes; before it has begun, nothing has to be broken off. */
  async #look(): Promise<UsedImages> {
    const { signal } = this.#options;
    const clock = new AwakeClock(this.#options.clock, PATIENCE_MS);
    const startedAtMs = clock.now();
    const refusals = new PassingRefusals(clock);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#lookOnce();
      } catch (error) {
        signal.throwIfAborted();
        const isLasting = !(error instanceof UnreachableError) || !refusals.mayPass(error);
        if (!this.#hasSeen || isLasting || clock.now() - startedAtMs >= PATIENCE_MS) throw error;
        await clock.sleep(backoffMs(attempt, clock.random()), signal);
      }
    }
  }

  async #lookOnce(): Promise<UsedImages> {
    const { port, known, maySeeLess, clock, signal } = this.#options;
    const startedAtMs = clock.now();
    const { uses, unseen } = await port.find(signal);
    if (unseen.length > 0 && !maySeeLess) throw notSeen(unseen);
    this.#unseen = unseen;
    const used = usedImages([...uses, ...known]);
    const tookMs = clock.now() - startedAtMs;
    this.#hasSeen = true;
    this.#latest = {
      used,
      beganAtMs: startedAtMs,
      freshUntilMs: startedAtMs + Math.max(FRESH_FOR_MS, FRESH_FOR_TIMES * tookMs),
    };
    return used;
  }
}

function notSeen(unseen: readonly Unseen[]): UnreachableError {
  const lines = unseen.map(
    ({ kind, namespace, reason }) =>
      `  ${kind} in ${namespace === '' ? 'all namespaces' : `namespace ${namespace}`}: ${reason}`,
  );
  return new UnreachableError(`It cannot be seen which images are in use:\n${lines.join('\n')}`, {
    next: `Ask for these rules, or go on without (--no-in-use-check):\n${roleRules(unseen.map(({ permission }) => permission))}`,
    forbidden: true,
  });
}
