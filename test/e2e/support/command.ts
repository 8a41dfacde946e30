/** The real command, as a child process, in an environment of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { compileCache } from '../../support/compile-cache.ts';
import { eventually } from './wait.ts';

export const PROJECT = resolve(import.meta.dirname, '../../..');

/** One JSON object of standard output. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** `node`: the program itself; `npm`: `npm run clean -- …`. */
  readonly through?: 'node' | 'npm';
  readonly env?: Readonly<Record<string, string>>;
  readonly home: string;
  /** Where the user is; the project's folder unless told otherwise. */
  readonly cwd?: string;
}

/** A running command. */
export class Command {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  /** Starts it, as the leader of a process group of its own, as a shell does with a job. */
  constructor(args: readonly string[], { through = 'node', env = {}, home, cwd = PROJECT }: CommandOptions) {
    const [file, ...words] =
      through === 'node'
        ? [process.execPath, resolve(PROJECT, 'src/cli.ts'), ...args]
        : ['npm', 'run', 'clean', '--', ...args];
    this.#child = spawn(file as string, words, {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of npm's: the tests themselves run under it.
      env: {
        PATH: process.env.PATH,
        HOME: home,
        TMPDIR: process.env.TMPDIR ?? '/tmp',
        ...compileCache(),
        ...env,
      },
    });
    const { stdout, stderr } = this.#child;
    stdout?.setEncoding('utf8').on('data', (data: string) => {
      this.#stdout += data;
    });
    stderr?.setEncoding('utf8').on('data', (data: string) => {
      this.#stderr += data;
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** The JSON objects that it has printed so far. */
  get events(): readonly Event[] {
    return parseEvents(this.#stdout);
  }

  /** Signals the process alone, as `kill PID` does. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Signals the whole process group, as a terminal does. */
  killGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Waits for an event, as long as the command tells something. @throws Error when it ends without the event */
  async event(what: string, fits: (event: Event) => boolean): Promise<Event> {
    return await this.until(what, () => this.events.find(fits));
  }

  /** Waits for a condition, as long as the command tells something. @throws Error when it ends before that */
  async until<T>(
    what: string,
    look: () => T | undefined | false | Promise<T | undefined | false>,
  ): Promise<T> {
    const lookWhileRunning = async () => {
      const hasEnded = this.hasEnded;
      const found = await look();
      if ((found === undefined || found === false) && hasEnded)
        throw new Error(`ended without ${what}:\n${this.output}`);
      return found;
    };
    return await eventually(what, lookWhileRunning, { progress: () => this.output.length });
  }

  /** Waits until a step has begun. */
  async step(step: string): Promise<void> {
    await this.event(`the step ${step}`, (event) => event.step === step && event.state === 'started');
  }
}

/** The JSON objects of complete lines. @throws SyntaxError for a line that is none */
export function parseEvents(stdout: string): readonly Event[] {
  return stdout
    .slice(0, stdout.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);
}
