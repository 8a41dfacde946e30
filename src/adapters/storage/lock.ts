/** One process at a time in a state folder. The lock of a process that has died (also by `kill -9`) does not count. */
import { createHash } from 'node:crypto';
import { link, readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RefusedError } from '../../domain/errors.ts';
import { attempt, hasCode, isFile, readText, replaceText } from './files.ts';

/** More starts than that are not after one lock. */
const MOST_TRIES = 100;

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one with the same number; empty where the system does not say. */
  readonly born: string;
}

/** Takes the lock and returns how to let go of it. @throws RefusedError when another process holds it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  const own: Holder = { pid: process.pid, born: await birthOf(process.pid) };
  const ticket = join(folder, `lock.${process.pid}`);
  await replaceText(ticket, JSON.stringify(own));
  try {
    // A link is made at once and with its content, or not at all; twice, since a dead holder's lock has to go first.
    for (let tries = 0; tries < 2; tries += 1) {
      if (await linkTo(ticket, path)) return () => release(path, own);
      const text = await readLock(path);
      const holder = readHolder(text);
      if (holder && (await isAlive(holder)))
        throw new RefusedError(`Another run is at work in ${folder} (process ${holder.pid}).`, {
          next: 'Wait for it to end, or use another folder with --state-dir.',
        });
      if (text !== undefined) await removeDead({ path, text, ticket });
    }
    throw justBegun(folder);
  } finally {
    await unlink(ticket).catch(() => {});
  }
}

/** The number of the process that has the folder locked at this moment. */
export async function livingHolder(folder: string): Promise<number | undefined> {
  const holder = readHolder(await readLock(join(folder, 'lock')));
  return holder && (await isAlive(holder)) ? holder.pid : undefined;
}

/** `false` when there is something already. */
async function linkTo(ticket: string, path: string): Promise<boolean> {
  return attempt('make the lock', path, () =>
    link(ticket, path).then(
      () => true,
      (error: unknown) => {
        if (hasCode(error, 'EEXIST')) return false;
        throw error;
      },
    ),
  );
}

/**
 * Several starts may find the same dead lock. One of them may remove it: whoever is the first to make a file of a name
 * that only this lock leads to. Should that one die as well, its file is removed like a dead lock.
 */
async function removeDead({ path, text, ticket }: { path: string; text: string; ticket: string }) {
  const removal = join(dirname(path), removalOf(text));
  for (let tries = 1; !(await linkTo(ticket, removal)); tries += 1) {
    const other = await readLock(removal);
    const holder = readHolder(other);
    if (tries > MOST_TRIES || (holder && (await isAlive(holder)))) throw justBegun(dirname(path));
    if (other !== undefined) await removeDead({ path: removal, text: other, ticket });
  }
  // Another start may have removed it, and taken the lock, since it was read.
  if ((await readLock(path)) === text) await unlink(path).catch(() => {});
  await unlink(removal).catch(() => {});
}

/** The file of whoever removes a dead lock of that content. */
export function removalOf(text: string): string {
  return `lock.dead-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

function justBegun(folder: string): RefusedError {
  return new RefusedError(`Another run has just begun in ${folder}.`, { next: 'Wait for it to end.' });
}

async function release(path: string, own: Holder): Promise<void> {
  const holder = readHolder(await readLock(path));
  if (holder?.pid === own.pid && holder.born === own.born) await unlink(path).catch(() => {});
}

/** `undefined` when there is none. */
async function readLock(path: string): Promise<string | undefined> {
  return (await isFile(path)) ? await readText(path) : undefined;
}

/** `undefined` for what no living process has written. */
function readHolder(text = ''): Holder | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value?.pid === 'number' ? { pid: value.pid, born: String(value.born ?? '') } : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return holder.born === (await birthOf(holder.pid));
}

/** Linux: the boot's ID and the process's start time (proc(5), field 22 of `stat`). */
async function birthOf(pid: number): Promise<string> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended.
    return fields[0] === 'Z' ? 'ended' : `${boot} ${fields[19] ?? ''}`;
  } catch {
    return '';
  }
}
