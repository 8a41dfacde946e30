/**
 * Loaded before a program (`node --import`): notes at its end what it took, as JSON in the file that `OWN_FIGURES_FILE`
 * names.
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** What a process took, from its start to its end. */
export interface OwnFigures {
  /** All of its threads together. */
  readonly cpuMs: number;
  /** Most memory that it had at a time (VmHWM); `undefined` where the system does not tell. */
  readonly peakBytes: number | undefined;
}

const { OWN_FIGURES_FILE: file } = process.env;
delete process.env.OWN_FIGURES_FILE;
if (file !== undefined) process.once('exit', () => writeFileSync(file, JSON.stringify(ownFigures())));

function ownFigures(): OwnFigures {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, peakBytes: peakMemory() };
}

/** proc_pid_status(5). Not `process.resourceUsage().maxRSS`: that begins with what the process had that started it. */
function peakMemory(): number | undefined {
  try {
    const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
