import { setTimeout as delay } from 'node:timers/promises';
import { RegistryError } from '../../domain/errors.ts';
import type { Credentials, Shell, ShellSession } from '../../ports.ts';
import { FrameReader, type Reply } from './frames.ts';
import { printable } from './prose.ts';
import { loadScript, openScript } from './script.ts';

const SCRIPT = loadScript('./lane.sh');
const CLOSE_TIMEOUT_MS = 2_000;

/** What every lane of a registry has in common. */
export interface LaneOptions {
  readonly shell: Shell;
  /** `host:port`. */
  readonly registry: string;
  readonly tls: boolean;
  /** How long one command may take. */
  readonly timeoutMs: number;
}

/** The session under a lane ended: what was under way on it may still be. */
export class LaneBrokenError extends RegistryError {}

/** One shell, open for long, in which Skopeo runs one command after the other. `lane.sh` is its other end. */
export class Lane {
  readonly token: string;
  /** See `ShellSession.place`. */
  readonly place: string;
  readonly #session: ShellSession;
  readonly #reader: FrameReader;
  #waiting: PromiseWithResolvers<Reply> | undefined;
  #broken: LaneBrokenError | undefined;

  static async open(options: LaneOptions, opening: { token: string; signal: AbortSignal }): Promise<Lane> {
    const { token, signal } = opening;
    const limit = Math.ceil(options.timeoutMs / 1000);
    const args = [token, options.registry, String(options.tls), String(limit)];
    const session = await openScript(options.shell, { script: SCRIPT, name: 'skopeo-lane', args, signal });
    return new Lane(session, token);
  }

  private constructor(session: ShellSession, token: string) {
    this.token = token;
    this.place = session.place;
    this.#session = session;
    this.#reader = new FrameReader(token);
    // It is told of by #read, when the output is at its end.
    session.exit.catch(() => undefined);
    void this.#read();
  }

  /** Whether the session ended. A lane that did so while nothing was under way may simply be forgotten. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  /**
   * Runs one request; the next may come only when it was answered.
   *
   * @throws LaneBrokenError when the session ended first.
   */
  async run(request: string): Promise<Reply> {
    if (this.#broken !== undefined) throw this.#broken;
    const waiting = Promise.withResolvers<Reply>();
    this.#waiting = waiting;
    // A failing write is told by the end of the session, too, which knows better why.
    this.#session.write(`${request}\n`).catch((error: unknown) => this.#break(error));
    return waiting.promise;
  }

  /** Logs Skopeo in to the registry, for all lanes of this place. */
  async logIn({ username, password }: Credentials): Promise<Reply> {
    return await this.run(`login\n${username}\n${password}`);
  }

  /** Lets the shell end by itself, which tidies up after itself; for a moment at most. */
  async close(): Promise<void> {
    if (this.#broken === undefined) {
      const timeout = new AbortController();
      const ended = this.#session.exit.then(
        () => undefined,
        () => undefined,
      );
      await this.#session.write('quit\n').catch(() => undefined);
      await Promise.race([
        ended,
        delay(CLOSE_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => {}),
      ]);
      timeout.abort();
    }
    this.drop();
  }

  /** Lets go of the session at once. Whatever runs there may go on. */
  drop(): void {
    this.#session.close();
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.#session.output) {
        for (const reply of this.#reader.push(chunk)) this.#answer(reply);
      }
      const status = await this.#session.exit;
      this.#break(new Error(printable(this.#session.errors()) || `it ended with status ${status}`));
    } catch (error) {
      this.#break(error);
    }
  }

  #answer(reply: Reply): void {
    this.#waiting?.resolve(reply);
    this.#waiting = undefined;
  }

  #break(cause: unknown): void {
    if (this.#broken !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#broken = new LaneBrokenError(`The shell in which Skopeo runs is lost: ${reason}`, {
      failure: 'temporary',
      next: 'Try again.',
      cause,
    });
    this.#waiting?.reject(this.#broken);
    this.#waiting = undefined;
  }
}
