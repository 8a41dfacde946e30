import { randomBytes } from 'node:crypto';
import { RegistryError } from '../../domain/errors.ts';
import { Lane, type LaneOptions } from './lane.ts';
import type { Task, WorkQueue } from './queue.ts';
import { sweep } from './sweep.ts';

/** After a lane could not be opened, those that are there must do for a while. */
const OPENING_PAUSE_MS = 5_000;

export interface LanesOptions extends LaneOptions {
  readonly queue: WorkQueue;
  /** As many lanes at once. */
  readonly concurrency: number;
  /** Every lane's token begins with it. */
  readonly tokenPrefix: string;
  /** Makes a new lane ready for use. Called once for each place. */
  readonly logIn: (lane: Lane) => Promise<void>;
  /** Ends everything under way; what waits is rejected with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Opens lanes as the queue needs them, and gives them work. When one loses its connection, nothing more is begun on
 * any before what it left behind is ended; only then is the caller told, who may try again.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Set<Lane>();
  readonly #idle: Lane[] = [];
  /** What each lane is at work on. */
  readonly #active = new Set<Task>();
  readonly #openings = new Set<Promise<void>>();
  readonly #logins = new Map<string, Promise<void>>();
  /** The tokens of lanes that broke while at work. */
  readonly #unswept = new Set<string>();
  #sweeping: Promise<void> | undefined;
  #openNotBefore = 0;
  #paused = false;
  #dispatching = false;

  constructor(options: LanesOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#abort(), { once: true });
  }

  /** To be called when something was added to the queue. What is added at once is seen at once. */
  wake(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    setImmediate(() => {
      this.#dispatching = false;
      this.#dispatch();
    });
  }

  /** A lane of its own, outside of the concurrency, for as long as `use` takes. */
  async withLane<T>(signal: AbortSignal, use: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = await Lane.open(this.#options, { token: this.#newToken(), signal });
    const onAbort = Promise.withResolvers<never>();
    const abort = () => onAbort.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([use(lane), onAbort.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
      if (signal.aborted) lane.drop();
      else await lane.close();
    }
  }

  /** Ends all lanes that ever bore the prefix, of earlier processes too, and what they run. */
  async quiesce(signal: AbortSignal): Promise<void> {
    this.#paused = true;
    try {
      // A lane that is just being opened would not be found.
      await Promise.allSettled(this.#openings);
      this.#dropAll(
        new RegistryError('It was ended, to bring the registry to rest.', { failure: 'temporary' }),
      );
      await sweep(this.#options.shell, { tokens: [this.#options.tokenPrefix], signal });
      this.#unswept.clear();
    } finally {
      this.#paused = false;
      this.wake();
    }
  }

  async close(): Promise<void> {
    this.#paused = true;
    await Promise.allSettled(this.#openings);
    await Promise.all([...this.#lanes].map((lane) => lane.close()));
    const closed = new Error('The registry was closed.');
    this.#options.queue.rejectAll(closed);
    this.#dropAll(closed);
  }

  #dispatch(): void {
    const { queue, signal, concurrency } = this.#options;
    if (signal.aborted) queue.rejectAll(signal.reason);
    if (this.#paused || queue.size === 0) return;
    if (this.#unswept.size > 0) {
      this.#settle().catch((error: unknown) => queue.rejectAll(error));
      return;
    }
    const idle = this.#idle.splice(0);
    for (const lane of idle) {
      if (lane.broken) this.#forget(lane);
      else void this.#work(lane);
    }
    const mayOpen = this.#lanes.size === 0 || performance.now() >= this.#openNotBefore;
    const wanted = Math.min(queue.size, concurrency - this.#lanes.size) - this.#openings.size;
    for (let count = 0; mayOpen && count < wanted; count++) this.#open();
  }

  /** Keeps a lane at work for as long as there is some. */
  async #work(lane: Lane): Promise<void> {
    while (!this.#paused && this.#unswept.size === 0) {
      const task = this.#options.queue.take(Math.max(1, this.#options.concurrency - this.#active.size));
      if (task === undefined) break;
      this.#active.add(task);
      try {
        await task.run(lane);
      } catch (error) {
        await this.#lost(lane, { task, error });
        return;
      } finally {
        this.#active.delete(task);
      }
    }
    if (this.#lanes.has(lane)) this.#idle.push(lane);
  }

  async #lost(lane: Lane, { task, error }: { task: Task; error: unknown }): Promise<void> {
    this.#forget(lane);
    this.#unswept.add(lane.token);
    try {
      await this.#settle();
      task.reject(error);
    } catch (sweepError) {
      task.reject(bothErrors(error, sweepError));
    }
    this.wake();
  }

  /** Resolves when nothing is left to be swept. The tokens of a failed sweep stay, for the next one. */
  async #settle(): Promise<void> {
    while (this.#unswept.size > 0) {
      this.#sweeping ??= this.#sweepOnce().finally(() => {
        this.#sweeping = undefined;
      });
      await this.#sweeping;
    }
    this.wake();
  }

  async #sweepOnce(): Promise<void> {
    const tokens = [...this.#unswept];
    await sweep(this.#options.shell, { tokens, signal: this.#options.signal });
    for (const token of tokens) this.#unswept.delete(token);
  }

  #open(): void {
    const opening = this.#openLane().then(
      (lane) => {
        this.#openings.delete(opening);
        this.#lanes.add(lane);
        this.#idle.push(lane);
        this.wake();
      },
      (error: unknown) => {
        this.#openings.delete(opening);
        this.#openNotBefore = performance.now() + OPENING_PAUSE_MS;
        if (this.#lanes.size === 0 && this.#openings.size === 0) this.#options.queue.rejectAll(error);
      },
    );
    this.#openings.add(opening);
  }

  async #openLane(): Promise<Lane> {
    const { signal, logIn } = this.#options;
    const lane = await Lane.open(this.#options, { token: this.#newToken(), signal });
    try {
      const login = this.#logins.get(lane.place) ?? logIn(lane);
      this.#logins.set(lane.place, login);
      await login;
      return lane;
    } catch (error) {
      this.#logins.delete(lane.place);
      lane.drop();
      throw error;
    }
  }

  #abort(): void {
    const { reason } = this.#options.signal;
    this.#options.queue.rejectAll(reason);
    this.#dropAll(reason);
  }

  #dropAll(reason: unknown): void {
    for (const task of this.#active) task.reject(reason);
    for (const lane of this.#lanes) this.#forget(lane);
  }

  #forget(lane: Lane): void {
    lane.drop();
    this.#lanes.delete(lane);
    const index = this.#idle.indexOf(lane);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  #newToken(): string {
    return `${this.#options.tokenPrefix}${randomBytes(16).toString('hex')}`;
  }
}

function bothErrors(error: unknown, sweepError: unknown): unknown {
  if (!(error instanceof RegistryError) || !(sweepError instanceof RegistryError)) return sweepError;
  return new RegistryError(`${error.message} ${sweepError.message}`, {
    failure: 'temporary',
    next: sweepError.next,
    cause: error,
  });
}
