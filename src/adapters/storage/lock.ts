/** One process at a time in a state folder. The lock of a process that has died (also by `kill -9`) does not count. */
import { link, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { RefusedError } from '../../domain/errors.ts';
import { attempt, hasCode, isFile, readText, replaceText } from './files.ts';

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
      const holder = await readHolder(path);
      if (holder && (await isAlive(holder)))
        throw new RefusedError(`Another run is at work in ${folder} (process ${holder.pid}).`, {
          next: 'Wait for it to end, or use another folder with --state-dir.',
        });
      await removeDead(path, folder);
    }
    throw justBegun(folder);
  } finally {
    await unlink(ticket).catch(() => {});
  }
}

/** The number of the process that has the folder locked at this moment. */
export async function livingHolder(folder: string): Promise<number | undefined> {
  const holder = await readHolder(join(folder, 'lock'));
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

/** Two starts may find the same dead lock: whoever moves a living one away by mistake puts it back. */
async function removeDead(path: string, folder: string): Promise<void> {
  const aside = `${path}.${process.pid}.dead`;
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  const holder = await readHolder(aside);
  if (holder && (await isAlive(holder))) {
    await rename(aside, path);
    throw justBegun(folder);
  }
  await unlink(aside).catch(() => {});
}

function justBegun(folder: string): RefusedError {
  return new RefusedError(`Another run has just begun in ${folder}.`, { next: 'Wait for it to end.' });
}

async function release(path: string, own: Holder): Promise<void> {
  const holder = await readHolder(path);
  if (holder?.pid === own.pid && holder.born === own.born) await unlink(path).catch(() => {});
}

async function readHolder(path: string): Promise<Holder | undefined> {
  if (!(await isFile(path))) return undefined;
  try {
    const value = JSON.parse((await readText(path)) ?? '');
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
