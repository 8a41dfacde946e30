/**
 * The audit trail of a run: its journal. Beside what became of each tag there stands who has begun or continued the run,
 * in which context, who has agreed to it, what was changed and put back, and what the check in the end has found.
 */
import type { Digest, Repository, Tag } from './names.ts';
import type { JournalEntry } from './outcome.ts';
import type { Stage } from './run.ts';
import type { Finding, VerifyFigures } from './verify.ts';

/** Something that is no outcome of a planned tag. */
export type TrailEvent = { /** ISO 8601. */ readonly at: string } & TrailNote;

export type TrailNote =
  /** A program has begun the run, or goes on with it. What follows is its doing, up to the next start. */
  | {
      readonly event: 'start';
      /** `user@host`. */
      readonly by: string;
      readonly context: string;
      readonly registry: string;
      readonly deleting: boolean;
      readonly resumed: boolean;
    }
  /** The plan was shown. */
  | { readonly event: 'review'; readonly plan: string; readonly planned: number }
  /** The person has agreed to the deletion, by typing, or beforehand with `--yes` or at an earlier start. */
  | { readonly event: 'confirmed'; readonly how: 'typed' | 'beforehand' }
  /**
   * What became of the registry's deletion setting. `left`: somebody else had changed it meanwhile; `lost`: another run
   * has taken over, and puts it back.
   */
  | {
      readonly event: 'setting';
      readonly state: 'enabled' | 'restored' | 'left' | 'lost' | 'not restored';
      readonly reason?: string;
    }
  /** A manifest without a tag was deleted, or could not be. */
  | {
      readonly event: 'manifest';
      readonly repository: Repository;
      readonly digest: Digest;
      readonly outcome: 'deleted' | 'failed';
      readonly reason: string;
    }
  /** What the check in the end has found that is not as it has to be. */
  | {
      readonly event: 'finding';
      readonly repository: Repository;
      readonly tag: Tag;
      readonly digest?: Digest;
      readonly outcome: Finding['verdict'];
      readonly reason: string;
    }
  | ({ readonly event: 'verify' } & VerifyFigures)
  /** The program has ended; without this line it was killed, or is at work. */
  | { readonly event: 'end'; readonly stage: Stage; readonly reason?: string };

export type TrailLine = TrailEvent | JournalEntry;

const EVENTS: ReadonlySet<string> = new Set([
  'start',
  'review',
  'confirmed',
  'setting',
  'manifest',
  'finding',
  'verify',
  'end',
] satisfies TrailEvent['event'][]);
const OUTCOMES: ReadonlySet<string> = new Set([
  'deleted',
  'alreadyGone',
  'failed',
  'drifted',
] satisfies JournalEntry['outcome'][]);

export function isEvent(line: TrailLine): line is TrailEvent {
  return 'event' in line;
}

/** A line of the journal; `undefined` for one that is damaged. */
export function parseLine(text: string): TrailLine | undefined {
  try {
    const value = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    if (EVENTS.has(value.event)) return typeof value.at === 'string' ? value : undefined;
    const isEntry =
      typeof value.repository === 'string' && typeof value.tag === 'string' && OUTCOMES.has(value.outcome);
    return isEntry ? value : undefined;
  } catch {
    return undefined;
  }
}
