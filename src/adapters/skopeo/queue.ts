import type { Repository, Tag } from '../../domain/names.ts';
import type { Reply } from './frames.ts';
import type { Lane } from './lane.ts';
import { type Look, readLooks } from './looks.ts';

/** As many tags as one process looks at: it takes a fraction of a second, and the log stays small. */
const LARGEST_BATCH = 32;

/** Work for one lane. */
export interface Task {
  /** Rejects only when the lane broke; then `reject` has to be called. */
  run(lane: Lane): Promise<void>;
  /** Fails whoever waits for it. */
  reject(error: unknown): void;
}

interface Command {
  readonly request: string;
  readonly begun: () => void;
  readonly done: PromiseWithResolvers<Reply>;
}

interface PendingLook {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly done: PromiseWithResolvers<Look | undefined>;
}

/**
 * What waits for a lane. Commands come first: among them are the deletions, and the look before a deletion should be
 * as recent as can be. Looks that wait together are done together.
 */
export class WorkQueue {
  readonly #registry: string;
  #commands: Command[] = [];
  #looks: PendingLook[] = [];

  constructor(registry: string) {
    this.#registry = registry;
  }

  get size(): number {
    return this.#commands.length + this.#looks.length;
  }

  /** A line for `lane.sh`. `begun` is called when a lane takes it, before it is sent. */
  addCommand(request: string, { begun = () => {} }: { begun?: () => void } = {}): Promise<Reply> {
    const done = Promise.withResolvers<Reply>();
    this.#commands.push({ request, begun, done });
    return done.promise;
  }

  /** The image that a tag bears; `undefined` when that is not certain, for whatever reason. */
  addLook(repository: Repository, tag: Tag): Promise<Look | undefined> {
    const done = Promise.withResolvers<Look | undefined>();
    this.#looks.push({ repository, tag, done });
    return done.promise;
  }

  /** @param freeLanes as many could take work now, the caller's among them: looks are shared out among these */
  take(freeLanes: number): Task | undefined {
    const command = this.#commands.shift();
    if (command !== undefined) return commandTask(command);
    const batch = this.#takeBatch(freeLanes);
    return batch.length > 0 ? lookTask(batch, this.#registry) : undefined;
  }

  rejectAll(error: unknown): void {
    const waiting = [...this.#commands, ...this.#looks];
    this.#commands = [];
    this.#looks = [];
    for (const { done } of waiting) done.reject(error);
  }

  #takeBatch(freeLanes: number): readonly PendingLook[] {
    const size = Math.min(LARGEST_BATCH, Math.ceil(this.#looks.length / freeLanes));
    const other = this.#looks.findIndex(({ repository }) => repository !== this.#looks[0]?.repository);
    return this.#looks.splice(0, other < 0 ? size : Math.min(size, other));
  }
}

function commandTask({ request, begun, done }: Command): Task {
  return {
    async run(lane) {
      begun();
      done.resolve(await lane.run(request));
    },
    reject: done.reject,
  };
}

function lookTask(batch: readonly PendingLook[], registry: string): Task {
  const [first] = batch;
  return {
    async run(lane) {
      // One tag alone is asked for in the slow way at once: that tells more, and costs the same.
      const looks = batch.length > 1 && first ? await look(lane, first.repository) : new Map<Tag, Look>();
      for (const { tag, done } of batch) done.resolve(looks.get(tag));
    },
    reject(error) {
      for (const { done } of batch) done.reject(error);
    },
  };

  async function look(lane: Lane, repository: Repository): Promise<Map<Tag, Look>> {
    const tags = new Set(batch.map(({ tag }) => tag));
    const { stdout } = await lane.run(`look ${repository} ${[...tags].join(' ')}`);
    return readLooks(stdout.toString('utf8'), { registry, repository });
  }
}
