/** What `history` tells: the runs of a state folder, and the audit trail of one of them. */
import { countFigures, type Outcomes } from './outcome.ts';
import type { RepositoryPlan } from './plan.ts';
import type { RunFigures, RunRecord, Stage } from './run.ts';
import { alignColumns, plainText } from './text.ts';
import { isEvent, type TrailEvent, type TrailLine } from './trail.ts';
import { type VerifyFigures, verifyFigures } from './verify.ts';

/** A run in the list. */
export interface PastRun extends RunFigures {
  readonly run: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** `user@host` of who began it; records of early versions do not say. */
  readonly by?: string;
  readonly context?: string;
  readonly registry?: string;
  readonly stage: Stage;
  /** `false`: its program was killed, or is at work. The figures are then those of its journal. */
  readonly ended: boolean;
  /** ISO 8601: when garbage was collected, after which what it had deleted cannot be taken back. */
  readonly reclaimedAt?: string;
  /** It has gone on deleting after that. */
  readonly deletedSince?: true;
  /** The process that is at work on it. */
  readonly process?: number;
}

/** @param left the plan and the journal of a run whose program has not come to its end */
export function pastRun(
  { id, startedAt, by, binding, stage, figures, reclaimedAt, deletedSince }: RunRecord,
  left: { readonly plans: readonly RepositoryPlan[]; readonly outcomes: Outcomes } | undefined,
): PastRun {
  return {
    run: id,
    startedAt,
    ...(by !== undefined && { by }),
    ...(binding !== undefined && { context: binding.context, registry: binding.registry }),
    stage,
    ended: figures !== undefined,
    ...(reclaimedAt !== undefined && { reclaimedAt }),
    ...(deletedSince && { deletedSince }),
    ...(figures ?? figuresOf(left?.plans ?? [], left?.outcomes)),
  };
}

function figuresOf(plans: readonly RepositoryPlan[], outcomes: Outcomes | undefined): RunFigures {
  const { planned, deleted, alreadyGone, failed, drifted } =
    outcomes === undefined
      ? { planned: 0, deleted: 0, alreadyGone: 0, failed: 0, drifted: 0 }
      : countFigures(plans, outcomes);
  return { planned, deleted, alreadyGone, failed, drifted, ...verifyFigures(undefined) };
}

const HEADER = [
  'RUN',
  'BEGUN',
  'BY',
  'CONTEXT',
  'REGISTRY',
  'STAGE',
  'PLANNED',
  'DELETED',
  'FAILED',
  'VERIFIED',
];
const NUMBERS = [6, 7, 8];

/** The runs as a table, in the order given. */
export function tellRuns(runs: readonly PastRun[]): string {
  if (runs.length === 0) return 'There are no runs in the state folder.';
  const rows = runs.map((run) => [
    run.run,
    `${run.startedAt.slice(0, 19).replace('T', ' ')}Z`,
    run.by ?? '–',
    run.context ?? '–',
    run.registry ?? '–',
    tellStage(run),
    String(run.planned),
    String(run.deleted + run.alreadyGone),
    String(run.failed),
    tellVerified(run),
  ]);
  return alignColumns([HEADER, ...rows.map((row) => row.map((cell) => plainText(cell, 80)))], NUMBERS);
}

function tellStage({ stage, ended, process, reclaimedAt, deletedSince }: PastRun): string {
  if (process !== undefined) return `${stage}: process ${process} is at work`;
  const known = ended || stage === 'given-up' ? stage : `${stage}: killed`;
  if (reclaimedAt === undefined) return known;
  return `${known}, can ${deletedSince ? 'be taken back only in part' : 'no longer be taken back'}`;
}

function tellVerified(figures: VerifyFigures): string {
  const { verify, verified, lost, stillThere, moved, notWhole } = figures;
  if (verify === 'none') return '–';
  return [
    `${verified} kept${verify === 'incomplete' ? ' (not all checked)' : ''}`,
    ...(lost > 0 ? [`${lost} LOST`] : []),
    ...(stillThere > 0 ? [`${stillThere} still there`] : []),
    ...(moved > 0 ? [`${moved} moved`] : []),
    ...(notWhole > 0 ? [`${notWhole} not whole`] : []),
  ].join(', ');
}

/** A line of the trail that says of itself in which run it was, by whom, and in which context. */
export type AuditedLine = TrailLine & {
  readonly run: string;
  readonly by: string;
  readonly context: string;
};

/** Says of each line in turn whose doing it was: that of whoever has made the latest start. */
export class Auditor {
  readonly #run: string;
  #by: string;
  #context: string;

  /** @param record tells of the lines before the first start, as journals of early versions have them */
  constructor({ id, by = '', binding }: Pick<RunRecord, 'id' | 'by' | 'binding'>) {
    this.#run = id;
    this.#by = by;
    this.#context = binding?.context ?? '';
  }

  audit(line: TrailLine): AuditedLine {
    if (isEvent(line) && line.event === 'start') {
      this.#by = line.by;
      this.#context = line.context;
    }
    return { ...line, run: this.#run, by: this.#by, context: this.#context };
  }
}

/** A line of the trail for people. */
export function tellLine(line: AuditedLine): string {
  const what = isEvent(line) ? tellEvent(line, line.by) : tellOutcome(line);
  return plainText(`${line.at}  ${what}`, 1000);
}

function tellEvent(event: TrailEvent, by: string): string {
  switch (event.event) {
    case 'start':
      return `${event.resumed ? 'gone on with' : 'begun'} by ${by}, context ${event.context}, registry ${event.registry}${event.deleting ? ', to delete' : ', to plan'}`;
    case 'review':
      return `reviewed: ${event.planned} to delete, plan ${event.plan}`;
    case 'confirmed':
      return `confirmed by ${by}, ${event.how}`;
    case 'setting':
      return `deletion setting: ${event.state}${because(event.reason)}`;
    case 'manifest':
    case 'finding':
      return tellOutcome(event);
    case 'verify':
      return `verify (${event.verify}): ${tellVerified(event)}`;
    case 'end':
      return `ended: ${event.stage}${because(event.reason)}`;
  }
}

function tellOutcome(of: {
  readonly outcome: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly reason?: string;
}): string {
  const { outcome, repository, tag, digest, reason } = of;
  const image = tag === undefined ? repository : `${repository}:${tag}`;
  return `${outcome} ${image}${digest === undefined ? '' : `@${digest}`}${because(reason)}`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}
