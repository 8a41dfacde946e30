import os from 'node:os';

const EXIT_DEFECT = 1;
const EXIT_NOT_READY = 2;

/** The machine is not ready. The message says what failed and what to do next; it is shown as it is. */
export class SetupProblem extends Error {
  exitCode = EXIT_NOT_READY;
}

/** A signal ended the preparation, after what had to be put back was put back. */
export class Interrupted extends SetupProblem {
  /** @param {'SIGINT' | 'SIGTERM' | 'SIGHUP'} signal */
  constructor(signal) {
    super(`Interrupted by ${signal}. Repeat the command to finish the preparation.`);
    this.exitCode = 128 + os.constants.signals[signal];
  }
}

/** The operating system said no: to this folder, or for want of space. Anything else is a defect. */
function isSystemError(error) {
  return typeof error?.syscall === 'string';
}

/** @param {unknown} error whatever ended the preparation */
export function exitCodeOf(error) {
  if (error instanceof SetupProblem) return error.exitCode;
  return isSystemError(error) ? EXIT_NOT_READY : EXIT_DEFECT;
}

/** @param {unknown} error whatever ended the preparation */
export function wordsFor(error) {
  if (error instanceof SetupProblem) return error.message;
  if (isSystemError(error)) {
    return `The preparation failed: ${error.message}. See to the rights and the free space there, then repeat the command.`;
  }
  return `A defect of the preparing script: ${error?.stack ?? error}`;
}

/** Standard output belongs to the program that starts afterwards. */
export function say(message) {
  process.stderr.write(`${message}\n`);
}
