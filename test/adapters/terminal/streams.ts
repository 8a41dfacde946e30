/** A terminal, or what is put in its place, that writes everything down. */
import { PassThrough, Writable } from 'node:stream';
import { createPerson } from '../../../src/adapters/terminal/person.ts';
import type { Person } from '../../../src/ports.ts';

export interface Written {
  readonly person: Person;
  readonly stdin: PassThrough;
  stdout(): string;
  stderr(): string;
  /** How often Ctrl+C was typed at a question. */
  interruptions(): number;
}

export function personAt(
  given: {
    output?: 'text' | 'json';
    terminal?: boolean;
    columns?: number;
    signal?: AbortSignal;
    endsAtMs?: number;
  } = {},
): Written {
  const {
    output = 'text',
    terminal = false,
    columns,
    endsAtMs,
    signal = new AbortController().signal,
  } = given;
  const [stdout, stderr] = [new Recorder(), new Recorder()];
  const stdin = new PassThrough();
  const more = { ...(terminal && { isTTY: true }), ...(columns !== undefined && { columns }) };
  let interruptions = 0;
  const person = createPerson({
    output,
    endsAtMs,
    signal,
    // What a terminal has beside a stream, as far as it is asked for.
    stdin: Object.assign(stdin, more, { setRawMode: () => stdin }) as unknown as NodeJS.ReadStream,
    stdout: Object.assign(stdout, more) as unknown as NodeJS.WriteStream,
    stderr: Object.assign(stderr, more) as unknown as NodeJS.WriteStream,
    interrupt: () => {
      interruptions += 1;
    },
  });
  return {
    person,
    stdin,
    stdout: () => stdout.text,
    stderr: () => stderr.text,
    interruptions: () => interruptions,
  };
}

class Recorder extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
