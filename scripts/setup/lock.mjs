import { appendFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { SetupProblem, say } from './problem.mjs';

const RETRY_MS = 100;

/**
 * Runs `action` while no other process holds the lock `file`. The file lists the processes that hold it,
 * one a line; when none of them lives any more the lock is taken over.
 *
 * @template T
 * @param {object} options
 * @param {string} options.file
 * @param {number} options.timeoutMs how long to wait for another holder
 * @param {import('./commands.mjs').Commands} options.commands
 * @param {(lock: { addHolder(pid: number): void }) => Promise<T>} action may add a child process as a
 *   holder, so that the lock outlasts this process if the child does
 * @returns {Promise<T>}
 */
export async function withLock({ file, timeoutMs, commands }, action) {
  await acquire({ file, timeoutMs, commands });
  try {
    return await action({ addHolder: (pid) => appendFileSync(file, identityOf(pid)) });
  } finally {
    rmSync(file, { force: true });
  }
}

async function acquire({ file, timeoutMs, commands }) {
  const deadline = Date.now() + timeoutMs;
  for (let hasSaidSo = false; !tryAcquire(file); ) {
    if (!hasSaidSo) say('Waiting for another preparation to finish …');
    hasSaidSo = true;
    if (Date.now() > deadline) {
      throw new SetupProblem(
        `Another preparation has been holding ${file} for too long. If none is running, delete that file and repeat the command.`,
      );
    }
    await commands.pause(RETRY_MS);
  }
}

function tryAcquire(file) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, identityOf(process.pid));
  try {
    // A link appears together with its content: nobody ever reads a lock that does not yet say whose it is.
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return removeIfAbandoned(file) && tryAcquire(file);
  } finally {
    rmSync(mine, { force: true });
  }
}

/** @returns {boolean} whether it was abandoned */
function removeIfAbandoned(file) {
  const seen = readIfPresent(file);
  if (seen === undefined) return true;
  if (isHeld(seen)) return false;
  // Of several processes that see it abandoned, one moves it away. If a new lock has taken its place in
  // the meantime, what was moved is not what was seen, and goes back.
  const moved = `${file}.${process.pid}.abandoned`;
  try {
    renameSync(file, moved);
    if (readFileSync(moved, 'utf8') !== seen) linkSync(moved, file);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  }
  rmSync(moved, { force: true });
  return true;
}

function isHeld(content) {
  return content.split('\n').some((line) => {
    const pid = Number.parseInt(line, 10);
    return pid > 0 && isAlive(pid) && identityOf(pid) === `${line}\n`;
  });
}

/** The process's number and, where the system tells, when it started: numbers are used again. */
function identityOf(pid) {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  // The second field, the program's name in parentheses, may contain blanks. Field 3 is the state, 22 the start.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  // A dead process whose parent never asks for its exit status keeps its number and its start.
  const startedAt = state === 'Z' ? 'dead' : (fields[18] ?? '');
  return `${pid} ${startedAt}\n`;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readIfPresent(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
