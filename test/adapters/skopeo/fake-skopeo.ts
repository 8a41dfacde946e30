/** For the tests of the lanes: a Skopeo that does as it is told, and a shell whose connections can be cut. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RegistryError } from '../../../src/domain/errors.ts';
import type { Shell, ShellSession } from '../../../src/ports.ts';

export interface FakeSkopeo extends AsyncDisposable {
  readonly shell: CutShell;
  /** `$FAKE`, and `TMPDIR` of every command. */
  readonly folder: string;
  /** What the fake runs for every command: `$@` are its arguments, `$FAKE` a folder of its own. */
  behave(script: string): Promise<void>;
  /** The lines that `note` in the script wrote. */
  notes(): Promise<string[]>;
  /** Makes a file in `$FAKE`, for a script that waits for it. */
  touch(name: string): Promise<void>;
}

export async function fakeSkopeo(): Promise<FakeSkopeo> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-skopeo-'));
  const program = join(folder, 'skopeo');
  const shell = new CutShell(folder);
  return {
    shell,
    folder,
    async behave(script) {
      await writeFile(program, `#!/bin/sh\nnote() { echo "$@" >>"$FAKE/notes"; }\n${script}\n`);
      await chmod(program, 0o755);
    },
    async notes() {
      const text = await readFile(join(folder, 'notes'), 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '');
    },
    touch: (name) => writeFile(join(folder, name), ''),
    async [Symbol.asyncDispose]() {
      await shell.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until something holds; a test fails that waits in vain. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`It never came to pass: ${what}.`);
    await delay(10);
  }
}

/** The processes of this machine whose arguments contain `text`, with their arguments. */
export function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(argumentsOf)
    .filter((argumentList) => argumentList.includes(text));
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

/** As an exec into a pod: a command outlives the connection. */
class CutShell implements Shell {
  /** The arguments of every command, as it was opened. */
  readonly opened: (readonly string[])[] = [];
  /** When set, a command whose name (`$0`) it is cannot be opened. */
  refuse: string | undefined;
  readonly #folder: string;
  readonly #sessions: CutSession[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async open(argv: readonly string[], signal: AbortSignal): Promise<ShellSession> {
    signal.throwIfAborted();
    if (this.refuse !== undefined && argv[3] === this.refuse)
      throw new RegistryError('The pod cannot be reached.', { failure: 'temporary' });
    this.opened.push(argv);
    const [program = '', ...rest] = argv;
    const env = {
      PATH: `${this.#folder}:${process.env.PATH}`,
      FAKE: this.#folder,
      TMPDIR: this.#folder,
      REGISTRY_AUTH_FILE: join(this.#folder, 'auth.json'),
    };
    const session = new CutSession(spawn(program, rest, { env, detached: true }), this.#folder);
    this.#sessions.push(session);
    return session;
  }

  /** The number of lanes that were opened. */
  get lanes(): number {
    return this.opened.filter((argv) => argv[3] === 'skopeo-lane').length;
  }

  /** Cuts every connection; the commands go on. */
  cut(): void {
    for (const session of this.#sessions) session.cut();
  }

  async end(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.end()));
  }
}

class CutSession implements ShellSession {
  readonly place: string;
  readonly exit: Promise<number>;
  readonly output: AsyncIterable<Buffer>;
  readonly #child: ChildProcess;
  readonly #cut = Promise.withResolvers<never>();
  readonly #closed: Promise<unknown>;
  #errors = '';

  constructor(child: ChildProcess, place: string) {
    this.#child = child;
    this.place = place;
    this.#closed = once(child, 'close');
    child.stderr?.on('data', (text) => {
      this.#errors += text;
    });
    child.stdin?.on('error', () => undefined);
    this.exit = Promise.race([this.#closed.then(() => child.exitCode ?? 128), this.#cut.promise]);
    this.exit.catch(() => undefined);
    this.output = this.#read();
  }

  async *#read(): AsyncIterable<Buffer> {
    const chunks: AsyncIterator<Buffer> | undefined = this.#child.stdout?.[Symbol.asyncIterator]();
    const end = this.#cut.promise.catch((): IteratorResult<Buffer> => ({ done: true, value: undefined }));
    for (;;) {
      const next = await Promise.race([chunks?.next() ?? end, end]);
      if (next.done) return;
      yield next.value;
    }
  }

  async write(data: string): Promise<void> {
    this.#child.stdin?.write(data);
  }

  errors(): string {
    return this.#errors;
  }

  close(): void {
    this.cut();
  }

  cut(): void {
    this.#cut.reject(new RegistryError('The connection was cut.', { failure: 'temporary' }));
  }

  async end(): Promise<void> {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
    // Nobody reads it any more after a cut, and unread it is never closed.
    this.#child.stdout?.destroy();
    await this.#closed;
  }
}
