/** Connections to the registry from inside the Skopeo pod: each is one command there, and its streams. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RegistryError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import type { ByteStream, Dialer, Shell, ShellSession } from '../../ports.ts';

/** Without its comments: an exec's arguments are part of its URL, whose length is limited. */
const TUNNEL = readFileSync(new URL('./tunnel.sh', import.meta.url), 'utf8').replace(/^\s*#.*\n/gm, '');
/** What the name of every tunnel begins with. */
const NAME = 'registry-tunnel-';
const DIAL_TIMEOUT_MS = 30_000;
/** The next dial ends what is too much for one. */
const MAX_LEFTOVERS = 64;
/** A shell's exit statuses for a command that cannot be executed, or is not there (POSIX, "Exit Status"). */
const CANNOT_START = [126, 127];

export interface PodDialerOptions {
  /** The registry's host name or address as the pod knows it; an IPv6 address with or without brackets. */
  readonly host: string;
  readonly port: number;
  /** The run's ID: tunnels that an earlier program of the same run has left in the pod are ended, too. */
  readonly run: string;
  /** How long the registry may take to accept the connection, once the command runs. */
  readonly dialTimeoutMs?: number;
}

/**
 * Dials from where `shell` runs commands. The signal of `dial` holds for the connection, too: when it is aborted the
 * connection ends, and its output fails with the signal's reason.
 *
 * A dial first ends what connections that broke, or were closed from here, have left in the pod: once it has succeeded,
 * nothing reaches the registry through them any more.
 */
export function createPodDialer(shell: Shell, options: PodDialerOptions): Dialer {
  const { port, run, dialTimeoutMs: timeoutMs = DIAL_TIMEOUT_MS } = options;
  const host = options.host.replace(/^\[(.*)\]$/, '$1');
  const registry = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const dialer = randomBytes(6).toString('hex');
  const leftovers = new Set<string>();
  let foreign = `${NAME}${run}-`;
  let dials = 0;

  return {
    async dial(signal) {
      dials += 1;
      const name = `${NAME}${run}-${dialer}-${dials}`;
      const ending = [...leftovers].slice(0, MAX_LEFTOVERS);
      const argv = ['bash', '-c', TUNNEL, name, host, String(port), foreign, dialer, ...ending];
      const session = await shell.open(argv, signal);
      const tunnel = new Tunnel(session, registry);
      // A command whose exit status is known has ended.
      session.exit.catch(() => {
        if (tunnel.process !== '') leftovers.add(`${tunnel.process}:${name}`);
      });
      await tunnel.stands(timeoutMs);
      for (const each of ending) leftovers.delete(each);
      foreign = '';
      return tunnel;
    },
  };
}

class Tunnel implements ByteStream {
  readonly output: AsyncIterable<Buffer>;
  /** The command's process ID in the pod; empty as long as it is not known. */
  process = '';
  readonly #session: ShellSession;
  readonly #registry: string;
  readonly #chunks: AsyncIterator<Buffer>;
  /** What came together with the greeting. */
  #first = Buffer.alloc(0);

  constructor(session: ShellSession, registry: string) {
    this.#session = session;
    this.#registry = registry;
    this.#chunks = session.output[Symbol.asyncIterator]();
    this.output = this.#received();
  }

  write(data: Uint8Array): Promise<void> {
    return this.#session.write(data);
  }

  close(): void {
    this.#session.close();
  }

  /** Resolves when the connection to the registry stands; otherwise the session is closed. */
  async stands(timeoutMs: number): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, timeoutMs);
    try {
      for (let said = ''; ; ) {
        const { done, value } = await this.#chunks.next();
        if (done === true) throw late ? this.#noAnswer(timeoutMs) : await this.#refusal();
        said += value.toString('latin1');
        const [greeting = '', process = '', stands] = /^(\d+)\n(\n)?/.exec(said) ?? [];
        this.process = process;
        if (stands === undefined) continue;
        this.#first = Buffer.from(said.slice(greeting.length), 'latin1');
        return;
      }
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async *#received(): AsyncGenerator<Buffer> {
    if (this.#first.length > 0) yield this.#first;
    yield* { [Symbol.asyncIterator]: () => this.#chunks };
    const status = await this.#session.exit;
    if (status === 0) return;
    const words = this.#words() || `the command in the pod ended with status ${status}`;
    throw new RegistryError(`The connection from the Skopeo pod to ${this.#registry} broke: ${words}.`, {
      failure: 'temporary',
    });
  }

  #noAnswer(timeoutMs: number): RegistryError {
    const message = `${this.#registry} did not accept a connection from the Skopeo pod within ${timeoutMs / 1000} s.`;
    return new RegistryError(message, {
      failure: 'temporary',
      next: 'Check that the registry runs, and that its NetworkPolicy lets the pod in (--pod-label).',
    });
  }

  /** Why the command ended, instead of connecting. */
  async #refusal(): Promise<unknown> {
    const status = await this.#session.exit.catch((error: unknown) => error);
    if (status instanceof RegistryError && status.failure === 'other') return noBash(status.message);
    if (typeof status !== 'number') return status;
    const words = this.#words() || `bash ended with status ${status}`;
    if (CANNOT_START.includes(status)) return noBash(words);
    return new RegistryError(`The Skopeo pod cannot connect to ${this.#registry}: ${words}.`, {
      failure: 'temporary',
      next: 'Check --registry, that the registry runs, and that its NetworkPolicy lets the pod in.',
    });
  }

  /** The first line of what bash or cat complained of is the reason; `NAME: line 1: ` before it says nothing. */
  #words(): string {
    const [first = ''] = this.#session.errors().trim().split('\n');
    return plainText(first.replace(/^registry-tunnel-[\w-]+: (?:line \d+: )?/, ''), 200);
  }
}

function noBash(words: string): RegistryError {
  return new RegistryError(
    `The Skopeo pod's image has no bash, through which the registry is reached: ${words}`,
    {
      failure: 'other',
      next: 'Choose an image with bash (--image), or a way that does without it: --via skopeo or --via port-forward.',
    },
  );
}
