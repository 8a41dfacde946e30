/** The environments file: which environments to clean, and which of their revisions to retain. */
import { type LineFault, wordsByLine } from './lines.ts';
import { type EnvironmentId, parseEnvironmentId, parseRevision } from './names.ts';

/** One line of the file: an environment, and the revisions that stay. No revisions means that none stays. */
export interface EnvironmentEntry {
  readonly id: EnvironmentId;
  readonly retain: readonly number[];
  /** `latest:N`: the newest N revisions stay as well. */
  readonly latest?: number;
  /** Which these are: all from this number on. `undefined` as long as it is not known what exists. */
  readonly keepFrom?: number;
  /** Line number in the file, from 1. */
  readonly line: number;
}

export interface EnvironmentsFile {
  readonly entries: readonly EnvironmentEntry[];
  /** All faults at once; when there is any, the entries must not be used. */
  readonly faults: readonly LineFault[];
}

const LATEST_FORM = 'latest:N retains the newest N revisions; N is a positive whole number, as in latest:3';

/** The number of `latest:3`; `undefined` for what does not look like that. */
function readLatest(word: string): number | 'malformed' | undefined {
  if (!/^latest/i.test(word)) return undefined;
  return (
    (word.startsWith('latest:') ? parseRevision(word.slice('latest:'.length)) : undefined) ?? 'malformed'
  );
}

/**
 * Reads the file's text: one environment a line, its ID, then the revisions to retain, separated by blanks. `latest:3`
 * among them retains the newest three as well.
 * Accepts blank lines, `#` comments, tabs, Windows line ends and a byte-order mark. A commented-out environment
 * does not exist for this program: its tags are left alone altogether.
 */
export function parseEnvironmentsFile(text: string): EnvironmentsFile {
  const entries: EnvironmentEntry[] = [];
  const faults: LineFault[] = [];
  const lineOf = new Map<EnvironmentId, number>();
  for (const { line, words } of wordsByLine(text)) {
    const [first, ...rest] = words;
    const fault = (offending: string, problem: string) => faults.push({ line, text: offending, problem });

    const retain: number[] = [];
    let latest: number | undefined;
    for (const word of rest) {
      const newest = readLatest(word);
      const revision = parseRevision(word);
      if (newest === 'malformed') fault(word, LATEST_FORM);
      else if (newest !== undefined && latest !== undefined)
        fault(word, `latest:${latest} is already given on this line`);
      else if (newest !== undefined) latest = newest;
      else if (revision === undefined)
        fault(word, 'a revision is a positive whole number without leading zeros, of at most 15 digits');
      else if (!retain.includes(revision)) retain.push(revision);
    }
    const id = parseEnvironmentId(first);
    if (id === undefined) {
      fault(first, describeBadId(first));
      continue;
    }
    const earlier = lineOf.get(id);
    if (earlier === undefined) lineOf.set(id, line);
    else
      fault(first, `this environment is already given on line ${earlier}; put all its revisions on one line`);
    entries.push({ id, retain, ...(latest !== undefined && { latest }), line });
  }
  return { entries, faults };
}

function describeBadId(text: string): string {
  if (/^[0-9a-fA-F]{24}$/.test(text)) return 'an environment ID has lower-case hex digits only';
  return `an environment ID has 24 lower-case hex digits (0-9, a-f), this has ${[...text].length} characters`;
}
