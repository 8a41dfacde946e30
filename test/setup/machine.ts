import { spawn } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

const repository = path.join(import.meta.dirname, '..', '..');

/** What a finished program left: its exit status (128 + signal if one ended it) and its output. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** A program that is running. */
export interface Running {
  pid: number;
  /** What it has written to standard error so far. */
  stderr(): string;
  ended: Promise<Outcome>;
}

/**
 * A throw-away machine: a clone of the project, a root folder with the system's files, and a search path
 * on which nothing is found but fakes. Every fake notes how it was called.
 */
export class Machine implements Disposable {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'setup-'));
  readonly root = path.join(this.dir, 'root');
  readonly #bin = path.join(this.dir, 'bin');
  readonly #calls = path.join(this.dir, 'calls');

  constructor() {
    mkdirSync(this.root);
    mkdirSync(this.#bin);
    writeFileSync(this.#calls, '');
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** A clone with the preparing script, without packages. */
  clone(name = 'clone'): string {
    const clone = path.join(this.dir, name);
    for (const file of ['scripts/setup.mjs', 'scripts/setup', 'package.json', '.npmrc']) {
      cpSync(path.join(repository, file), path.join(clone, file), { recursive: true });
    }
    return clone;
  }

  /** Puts a shell script on the search path; in it, `note WORDS` adds a line to the calls. */
  fake(name: string, body = ''): void {
    this.write(
      path.join('bin', name),
      `#!/bin/sh
note() { echo "$*" >> '${this.#calls}'; }
note "${name} $*"
[ -z "\${SKOPEO_PASSWORD+set}" ] || note "${name} saw the password"
${body}
`,
    );
  }

  /** Writes an executable file; `file` is relative to the machine's folder. */
  write(file: string, content: string): string {
    const target = path.join(this.dir, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content, { mode: 0o755 });
    return target;
  }

  /** The calls of fakes so far, in order. */
  calls(): string[] {
    return readFileSync(this.#calls, 'utf8').split('\n').filter(Boolean);
  }

  /** Draws a line: `calls` starts anew. */
  forgetCalls(): void {
    writeFileSync(this.#calls, '');
  }

  /** Waits until a lock is held by a preparing script and by the program that it has started. */
  async lockedByBoth(lock: string): Promise<void> {
    const holders = () => readFileSync(path.join(this.dir, lock), 'utf8').split('\n').filter(Boolean);
    await until(() => holders().length === 2, `two hold ${lock}`);
  }

  /** Lets fakes that wait for this file (see `waitFor`) go on. */
  release(name: string): void {
    appendFileSync(path.join(this.dir, name), '');
  }

  /** Shell text that waits until `release(name)`, at most two minutes. */
  waitFor(name: string): string {
    return `i=0; while [ ! -e '${path.join(this.dir, name)}' ] && [ $i -lt 2400 ]; do i=$((i+1)); /bin/sleep 0.05; done`;
  }

  /** Starts a clone's preparing script, as `npm run` does. */
  startSetup(
    args: readonly string[],
    { clone = this.dir, env = {} }: { clone?: string; env?: NodeJS.ProcessEnv },
  ) {
    return start([process.execPath, path.join(clone, 'scripts/setup.mjs'), ...args], {
      cwd: clone,
      env: { PATH: this.#bin, SKOPEO_PASSWORD: 'a secret', ...env },
    });
  }
}

/** Starts a program without standard input. */
export function start(
  [file = '', ...args]: readonly string[],
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Running {
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status: status ?? 128, ...output }));
  });
  return { pid: child.pid ?? -1, stderr: () => output.stderr, ended };
}

/** Waits until the condition holds; after two minutes that is an error. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let attempt = 0; !condition(); attempt += 1) {
    if (attempt > 4800) throw new Error(`Waited in vain: ${what}`);
    await setTimeout(25);
  }
}
