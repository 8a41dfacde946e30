import { readFileSync } from 'node:fs';

const lookEveryMs = 250;

/**
 * Aborts when the process is to end: on SIGINT, SIGTERM or SIGHUP, or when whoever started it is
 * gone. Under npm that is npm's own parent too: npm outlives a parent that was killed.
 */
export function endOfLife(): AbortSignal {
  const life = new AbortController();
  const ancestors = ancestorsOf(process.pid, process.env['npm_lifecycle_event'] === undefined ? 1 : 2);
  const timer = setInterval(() => {
    const now = ancestorsOf(process.pid, ancestors.length);
    if (now.join() !== ancestors.join()) end();
  }, lookEveryMs).unref(); // looking on is no reason to live on
  const end = () => {
    clearInterval(timer);
    life.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  return life.signal;
}

/** Parent, grandparent … as far as they can be told; beyond the parent only on Linux. */
function ancestorsOf(pid: number, generations: number): number[] {
  const ancestors = [process.ppid];
  while (ancestors.length < generations) {
    const parent = parentOf(ancestors.at(-1) ?? pid);
    if (parent === undefined) break;
    ancestors.push(parent);
  }
  return ancestors;
}

function parentOf(pid: number): number | undefined {
  try {
    // "PID (NAME) STATE PPID …", and the name may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
