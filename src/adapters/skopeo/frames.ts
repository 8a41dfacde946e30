/** One answer of a lane: what one command printed, byte for byte. */
export interface Reply {
  /** The exit status; 0 is success. */
  readonly status: number;
  readonly stdout: Buffer;
  /** Empty when the command succeeded. */
  readonly stderr: string;
}

const LINE_FEED = '\n'.charCodeAt(0);

/**
 * Takes the answers out of a lane's output, in whatever pieces it comes. The form is described in `lane.sh`:
 * `STDOUT \n BOUNDARY STATUS \n STDERR \n BOUNDARY \n`.
 */
export class FrameReader {
  readonly #afterOutput: Buffer;
  readonly #afterErrors: Buffer;
  #buffer = Buffer.alloc(16 * 1024);
  #length = 0;
  /** Up to here no boundary begins: nothing is searched twice. */
  #searched = 0;

  constructor(boundary: string) {
    this.#afterOutput = Buffer.from(`\n${boundary} `);
    this.#afterErrors = Buffer.from(`\n${boundary}\n`);
  }

  /** Adds what came, and returns the answers that are complete with it. */
  push(chunk: Buffer): Reply[] {
    this.#append(chunk);
    const replies: Reply[] = [];
    for (let reply = this.#next(); reply !== undefined; reply = this.#next()) replies.push(reply);
    return replies;
  }

  #append(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      // Doubled, so that a list of megabytes that comes in small pieces is not copied again for each of them.
      const larger = Buffer.alloc(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#length);
    this.#length = needed;
  }

  #next(): Reply | undefined {
    const received = this.#buffer.subarray(0, this.#length);
    const outputEnd = received.indexOf(this.#afterOutput, this.#searched);
    if (outputEnd < 0) {
      this.#searched = Math.max(0, this.#length - this.#afterOutput.length);
      return undefined;
    }
    this.#searched = outputEnd;
    const statusStart = outputEnd + this.#afterOutput.length;
    const statusEnd = received.indexOf(LINE_FEED, statusStart);
    if (statusEnd < 0) return undefined;
    const errorsEnd = received.indexOf(this.#afterErrors, statusEnd + 1);
    if (errorsEnd < 0) return undefined;
    const reply = {
      status: Number(received.toString('latin1', statusStart, statusEnd)),
      stdout: Buffer.from(received.subarray(0, outputEnd)),
      stderr: received.toString('utf8', statusEnd + 1, errorsEnd),
    };
    this.#drop(errorsEnd + this.#afterErrors.length);
    return reply;
  }

  #drop(count: number): void {
    this.#buffer.copy(this.#buffer, 0, count, this.#length);
    this.#length -= count;
    this.#searched = 0;
  }
}
