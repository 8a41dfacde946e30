/**
 * The situations that one can foresee. Each class stands for one exit code (see `cli/ending.ts`); each message says
 * what failed and on what, and `next` what the person can do about it.
 */
export abstract class CleanerError extends Error {
  /** What to do next, in one or more plain sentences; empty when there is nothing to advise. */
  readonly next: string;

  constructor(message: string, options: { next?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.next = options.next ?? '';
  }
}

/** Bad input or usage: an option, the environments file, an edited list. Nothing was touched. */
export class UsageError extends CleanerError {}

/** The program could go on but will not, because something could be lost. */
export class RefusedError extends CleanerError {}

/** The cluster or the registry could not be reached, or said no. */
export class UnreachableError extends CleanerError {
  /** The API server does not allow this user to do that (403): trying again does not help. */
  readonly forbidden: boolean;

  constructor(message: string, options: { next?: string; cause?: unknown; forbidden?: boolean } = {}) {
    super(message, options);
    this.forbidden = options.forbidden ?? false;
  }
}

/** The registry's setting could not be put back. Outranks every other error. */
export class RestoreError extends CleanerError {}

/** Local storage failed: state, journal or lists could not be read or written. */
export class StorageError extends CleanerError {}

/** A JSON patch's `test` did not hold, or the object changed meanwhile: read it again and decide anew. */
export class ConflictError extends UnreachableError {}

/** The user, or the system, ended the run by a signal. */
export class InterruptedError extends CleanerError {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals, options: { next?: string } = {}) {
    super(`Interrupted by ${signal}.`, options);
    this.signal = signal;
  }
}

/** The time that the run was given is over. Everything is as before; the run can be resumed. */
export class WindowOverError extends CleanerError {}

/**
 * What kind of answer a failed registry operation got.
 *
 * - `unauthorized`, `forbidden`, `unsupported`: HTTP 401, 403, 405; the same for every further operation
 * - `temporary`: trying again can help (429, 5xx, a time-out, a connection cut, a pod that went away)
 * - `other`: an answer for this one operation that trying again will not change
 */
export type RegistryFailure = 'unauthorized' | 'forbidden' | 'unsupported' | 'temporary' | 'other';

/** One registry operation failed. */
export class RegistryError extends UnreachableError {
  readonly failure: RegistryFailure;
  /** The registry answered 500: mostly it has something there that it cannot read. */
  readonly internal: boolean;
  /** How long the registry asks to be left alone before another try, in milliseconds; 0 when it does not say. */
  readonly retryAfterMs: number;

  constructor(
    message: string,
    options: {
      failure: RegistryFailure;
      internal?: boolean;
      next?: string;
      cause?: unknown;
      retryAfterMs?: number;
    },
  ) {
    super(message, options);
    this.failure = options.failure;
    this.internal = options.internal ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** A sentence about whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
