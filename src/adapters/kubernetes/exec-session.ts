/** A command that runs in a pod, as streams over its WebSocket. */
import type { RawData, WebSocket } from 'ws';
import { RegistryError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import type { ShellSession } from '../../ports.ts';
import { lacksProgram, parseOutcome } from './exec-status.ts';
import { keepAlive, type Watch } from './keep-alive.ts';
import { outputOf, sendOn } from './web-socket.ts';

/** The first byte of a message. */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;

const ERRORS_KEPT_BYTES = 4096;

export interface ExecSessionOptions extends Watch {
  /** UID of the pod. */
  readonly place: string;
  /** Pod and namespace, for messages. */
  readonly where: string;
  readonly signal: AbortSignal;
  /** The command: its program, and the program's arguments. */
  readonly argv: readonly string[];
}

/** Takes over a socket that is still connecting. Standard output is held back while nobody reads it. */
export function execSession(socket: WebSocket, options: ExecSessionOptions): ShellSession {
  const { place, where, signal } = options;
  const exit = Promise.withResolvers<number>();
  // Whoever reads the output only must not be punished with an unhandled rejection.
  exit.promise.catch(() => {});
  const output = outputOf(socket);
  let errors = Buffer.alloc(0);
  let over = false;
  let trouble = '';

  const broken = () => {
    const why = trouble === '' ? '' : ` (${plainText(trouble, 200)})`;
    const message = `The connection to the command in ${where} broke before its end${why}.`;
    return new RegistryError(message, { failure: 'temporary' });
  };
  const doesNotStart = (why: string) => {
    const message = `The command does not start in ${where}: ${why}`;
    if (lacksProgram(why, options.argv[0] ?? '')) return new RegistryError(message, { failure: 'other' });
    return new RegistryError(message, { failure: 'temporary', next: 'Look at the pod, and at its node.' });
  };
  const stopPinging = keepAlive(socket, {
    ...options,
    onSilence() {
      trouble = `nothing was heard for ${options.silenceLimitMs / 1000} s`;
      socket.terminate();
    },
  });

  function conclude(status: string): void {
    end();
    socket.close();
    const outcome = parseOutcome(status);
    if (outcome.kind === 'exited') exit.resolve(outcome.exitCode);
    else exit.reject(doesNotStart(outcome.message));
  }

  function receive(message: Buffer): void {
    const data = message.subarray(1);
    // Servers open v4 channels with an empty message each.
    if (over || data.length === 0) return;
    if (message[0] === STDOUT && !output.destroyed && !output.push(data)) socket.pause();
    if (message[0] === STDERR) errors = Buffer.concat([errors, data]).subarray(-ERRORS_KEPT_BYTES);
    if (message[0] === STATUS) conclude(data.toString('utf8'));
  }

  function end(): void {
    over = true;
    stopPinging();
    signal.removeEventListener('abort', abort);
    if (!output.destroyed) output.push(null);
  }

  function abort(): void {
    exit.reject(signal.reason);
    socket.terminate();
  }

  signal.addEventListener('abort', abort, { once: true });
  socket.on('message', (data: RawData) => receive(data as Buffer));
  socket.on('error', (error) => {
    trouble = error.message;
  });
  socket.once('close', () => {
    if (over) return;
    end();
    exit.reject(broken());
  });

  return {
    place,
    output,
    exit: exit.promise,
    errors: () => errors.toString('utf8'),
    close: () => socket.terminate(),
    async write(data) {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      if (!(await sendOn(STDIN, { socket, data: bytes }))) throw signal.aborted ? signal.reason : broken();
    },
  };
}
