/** The command in a terminal of its own, with somebody who types (util-linux's script(1)). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { compileCache } from '../../support/compile-cache.ts';
import { PROJECT } from './command.ts';
import { eventually } from './wait.ts';

/** Why there is no terminal to be had on this machine; `false` when there is. */
export const noTerminal = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes(
  'util-linux',
)
  ? false
  : 'needs script(1) of util-linux, to have a terminal';

export class Terminal implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** The exit code. */
  readonly ended: Promise<number | null>;
  #output = '';

  /** Types a command line into a shell that has a terminal. */
  constructor(words: readonly string[], env: Readonly<Record<string, string>>) {
    // Without a terminal of its own behind it, script's has no size.
    const line = `stty rows 40 columns 130; exec ${words.map((word) => `'${word}'`).join(' ')}`;
    this.#child = spawn('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'], {
      cwd: PROJECT,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh', ...compileCache(), ...env },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (data: string) => {
      this.#output += data;
    });
    this.ended = once(this.#child, 'close').then(([code]) => code);
  }

  /** What one reads on it, without colours and the movements of the cursor. */
  get text(): string {
    return stripVTControlCharacters(this.#output);
  }

  /** Waits until something can be read. */
  async reads(pattern: RegExp): Promise<void> {
    await eventually(`${pattern} on the terminal`, () => {
      if (pattern.test(this.text)) return true;
      if (this.#child.exitCode !== null) throw new Error(`ended without ${pattern}:\n${this.text}`);
      return false;
    });
  }

  types(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.ended;
  }
}
