/** What `ps` shows of every process of this machine to whoever looks while the command runs (Linux: proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 10;

export interface ProcessWatch {
  /** Names of the programs seen so far. */
  readonly programs: ReadonlySet<string>;
  /** Ends it, and tells which processes had `secret` in their arguments or their environment. */
  end(): readonly string[];
}

/**
 * Looks at every process again and again.
 *
 * @param except process groups that are left out: whoever typed the secret has it in plain sight
 */
export function watchProcesses(secret: string, except: readonly number[]): ProcessWatch {
  const programs = new Set<string>();
  const found = new Set<string>();
  const seen = new Set<string>();
  const look = () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const stat = read(`/proc/${pid}/stat`);
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // By its name too: since its birth a process may have become another program.
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const key = `${pid} ${fields[19]} ${name}`;
      if (stat === '' || seen.has(key) || Number(pid) === process.pid) continue;
      seen.add(key);
      programs.add(name);
      if (except.includes(Number(fields[2])) || isBeforeExec(pid, fields[1] ?? '')) continue;
      for (const file of ['cmdline', 'environ'])
        if (read(`/proc/${pid}/${file}`).includes(secret)) found.add(`${name}: ${file}`);
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    programs,
    end() {
      clearInterval(timer);
      return [...found];
    },
  };
}

/** Between fork and exec a process is still a copy of its parent, its environment included. */
function isBeforeExec(pid: string, parent: string): boolean {
  return read(`/proc/${pid}/cmdline`) === read(`/proc/${parent}/cmdline`);
}

/** Empty when the process has ended, or may not be looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
