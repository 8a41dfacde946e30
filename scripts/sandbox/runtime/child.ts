import type { ChildProcess } from 'node:child_process';
import { constants as access, accessSync } from 'node:fs';
import { constants } from 'node:os';

/** Places of the system's own tools; the container's PATH has no say in them. */
const toolDirectories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin', '/opt/homebrew/bin'];

/** Absolute path of one of this machine's programs, or undefined if it is not installed. */
export function findTool(name: string): string | undefined {
  for (const directory of toolDirectories) {
    try {
      accessSync(`${directory}/${name}`, access.X_OK);
      return `${directory}/${name}`;
    } catch {
      // Not here: look further.
    }
  }
  return undefined;
}

/** Exit code of a child as a shell would tell it, once `event` says that it is over. */
export function exitCode(child: ChildProcess, event: 'exit' | 'close'): Promise<number> {
  return new Promise((resolve) => {
    child.once(event, (code: number | null, signal: NodeJS.Signals | null) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** Settles when the process runs; rejects when it could not be started. */
export function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

/** Sends a signal to a process, or (negative) a process group, that may be gone already. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
