import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { $ } from 'zx';
import { RegistryError } from '../domain/errors.ts';
import type { Shell, ShellSession } from '../ports.ts';

const ERRORS_KEPT = 4096;
/** zx keeps what a command prints; for a command that runs for hours it must not. */
const DISCARD = Object.assign([] as string[], { push: () => 0 });

/** Commands on this machine. What they leave in their private folder goes when the shell is disposed of. */
export interface LocalShell extends Shell, AsyncDisposable {}

/**
 * A shell like that in the Skopeo pod: `TMPDIR` and `REGISTRY_AUTH_FILE` are its own, and only this user's. Commands
 * do not inherit `SKOPEO_PASSWORD`.
 */
export function createLocalShell(): LocalShell {
  const sessions = new Set<LocalSession>();
  let creation: Promise<string> | undefined;
  return {
    async open(argv, signal) {
      signal.throwIfAborted();
      creation ??= mkdtemp(join(tmpdir(), 'skopeo-'));
      const folder = await creation;
      const session = new LocalSession(spawn(argv, folder), folder);
      sessions.add(session);
      const onAbort = () => session.close();
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      void session.exit.then(() => {
        signal.removeEventListener('abort', onAbort);
        sessions.delete(session);
      });
      return session;
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.close();
      await Promise.all([...sessions].map((session) => session.exit));
      if (creation !== undefined) await rm(await creation, { recursive: true, force: true });
    },
  };
}

/** Detached: a process group of its own, so that Ctrl+C at the terminal is this program's to deal with. */
function spawn(argv: readonly string[], folder: string): ChildProcess {
  const { SKOPEO_PASSWORD: _, ...inherited } = process.env;
  const env = { ...inherited, TMPDIR: folder, REGISTRY_AUTH_FILE: join(folder, 'auth.json') };
  const store = { stdout: DISCARD, stderr: DISCARD, stdall: DISCARD };
  const run = $({
    env,
    store,
    verbose: false,
    quiet: true,
    nothrow: true,
    detached: true,
    prefix: '',
    postfix: '',
  });
  const { child } = run`exec ${argv}`;
  if (child === undefined)
    throw new RegistryError(`Could not start ${argv[0]} on this machine.`, { failure: 'other' });
  return child;
}

class LocalSession implements ShellSession {
  readonly place: string;
  readonly output: AsyncIterable<Buffer>;
  readonly exit: Promise<number>;
  readonly #child: ChildProcess;
  #errors = '';
  #ended = false;

  constructor(child: ChildProcess, place: string) {
    this.place = place;
    this.#child = child;
    const output = new PassThrough();
    this.output = output;
    child.stdout?.pipe(output);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-ERRORS_KEPT);
    });
    // A command that ended no longer reads: `exit` tells of it.
    child.stdin?.on('error', () => undefined);
    // What it started ends with it, so that nothing outlives its session here.
    child.once('exit', () => this.#killGroup());
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#ended = true;
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  }

  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const { stdin } = this.#child;
      if (stdin === null) throw new TypeError('The command has no standard input.');
      stdin.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  errors(): string {
    return this.#errors;
  }

  close(): void {
    if (!this.#ended) this.#killGroup();
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // None of the group is left.
    }
  }
}
