/** Which process this is, and whether another one of the same machine has ended. */
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { LeaseHolder } from '../../domain/lease.ts';

export type ProcessIdentity = Pick<LeaseHolder, 'host' | 'pid' | 'machine' | 'started'>;

export async function identifyThisProcess(): Promise<ProcessIdentity> {
  const { pid } = process;
  return { host: hostname(), pid, machine: await thisMachine(), started: (await readStat(pid)).started };
}

/**
 * The process is known to have ended. `false` as well when it may be one of another machine, or where the system does
 * not tell its machines and processes apart (everywhere but on Linux).
 */
export async function hasEnded({ machine, pid, started }: ProcessIdentity): Promise<boolean> {
  if (machine === '' || started === '' || machine !== (await thisMachine())) return false;
  if (!exists(pid)) return true;
  const now = await readStat(pid);
  // Another user's process may be hidden (`hidepid`): then nothing is known of it.
  return now.started !== '' && (now.started !== started || now.state === 'Z');
}

/**
 * The boot's ID and the namespace in which processes are counted: host names and process IDs may be the same in two
 * containers. Empty where the system does not tell.
 */
async function thisMachine(): Promise<string> {
  try {
    // A /proc that belongs to another namespace would tell of other processes.
    if ((await readlink('/proc/self')) !== String(process.pid)) return '';
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** Linux: state and start time of a process (proc(5), fields 3 and 22 of `stat`). */
async function readStat(pid: number): Promise<{ state: string; started: string }> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses, which may itself contain blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', started: fields[19] ?? '' };
  } catch {
    return { state: '', started: '' };
  }
}
