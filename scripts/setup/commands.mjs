import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Interrupted } from './problem.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** No program started here has any business with the registry's password. */
const SECRET_VARIABLES = ['SKOPEO_PASSWORD'];

/**
 * Starts other programs and outlives signals while they run, so that whoever started one can put back
 * what has to be put back: a signal never ends this process, it makes `throwIfInterrupted` throw.
 */
export class Commands {
  #env;
  #signal;
  #interruption = new AbortController();
  /** Passes a signal on to the program that is running. */
  #passOn = () => {};

  /** @param {Record<string, string | undefined>} env of every program; secrets are taken out */
  constructor(env) {
    this.#env = Object.fromEntries(Object.entries(env).filter(([name]) => !SECRET_VARIABLES.includes(name)));
    for (const signal of SIGNALS) process.on(signal, () => this.#interrupt(signal));
    // A closed terminal or pipe must not end this process between a change and its undoing.
    process.stderr.on('error', () => {});
  }

  #interrupt(signal) {
    this.#signal ??= signal;
    this.#interruption.abort();
    this.#passOn(signal);
  }

  throwIfInterrupted() {
    if (this.#signal) throw new Interrupted(this.#signal);
  }

  /**
   * Runs a program to its end, its output on standard error, without standard input.
   *
   * @param {string} file
   * @param {string[]} args
   * @param {object} [options]
   * @param {string} [options.cwd]
   * @param {Record<string, string>} [options.env] added to the common environment
   * @param {'group' | 'process' | 'nobody'} [options.signalsReach] whom a signal is passed on to: everything
   *   that the program started (a process group of its own, away from the terminal), the program alone
   *   (in the terminal's group, so that it can ask for a password), or, where stopping half-way is worse
   *   than waiting, nobody
   * @param {(pid: number) => void} [options.onStart]
   * @returns {Promise<number>} the exit status; 128 or more when a signal ended it, 127 when it could not start
   */
  run(file, args, { cwd, env = {}, signalsReach = 'group', onStart = () => {} } = {}) {
    const child = spawn(file, args, {
      cwd,
      env: { ...this.#env, ...env },
      stdio: ['ignore', process.stderr.fd, process.stderr.fd],
      detached: signalsReach !== 'process',
    });
    this.#passOn = (signal) => send(signal, { pid: child.pid, reach: signalsReach });
    if (child.pid !== undefined) onStart(child.pid);
    return new Promise((resolve) => {
      const settle = (status) => {
        this.#passOn = () => {};
        resolve(status);
      };
      child.once('error', () => settle(127));
      child.once('close', (status) => settle(status ?? 128));
    });
  }

  /** Runs a quick program and gives what it printed, or undefined if it failed or does not exist. */
  ask(file, args) {
    const { status, stdout } = spawnSync(file, args, {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    });
    return status === 0 ? stdout.trim() : undefined;
  }

  /** Waits, unless interrupted. */
  async pause(durationMs) {
    await setTimeout(durationMs, undefined, { signal: this.#interruption.signal }).catch(() => {});
    this.throwIfInterrupted();
  }

  /** The folders in which programs are looked for. */
  get searchPath() {
    return (this.#env.PATH ?? '').split(path.delimiter).filter(Boolean);
  }
}

/** Is there an executable file of this name in one of the folders? */
export function isOnPath(name, folders) {
  return folders.some((folder) => isExecutableFile(path.join(folder, name)));
}

function isExecutableFile(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function send(signal, { pid, reach }) {
  if (pid === undefined || reach === 'nobody') return;
  try {
    process.kill(reach === 'group' ? -pid : pid, signal);
  } catch {
    // It has just ended, or it is sudo, which only the terminal can interrupt: its end is awaited anyway.
  }
}
