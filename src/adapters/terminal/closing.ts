/** The closing summary as text. */
import type { JournalEntry, Summary } from '../../domain/outcome.ts';
import { count, formatBytes, plainText } from '../../domain/text.ts';
import type { UndoEntry, UndoSummary } from '../../domain/undo.ts';
import type { Finding } from '../../domain/verify.ts';
import type { ClosingCircumstances } from '../../ports.ts';

/** So many failures and drifted tags are named, and so many findings of the check; the journal has all of them. */
const NAMED = 20;

/** What a run has come to, in a few lines. */
export function renderClosing(summary: Summary, given: ClosingCircumstances): string {
  const kept = [
    `${summary.retained} retained`,
    ...(summary.protected > 0 ? [`${summary.protected} protected`] : []),
    ...(summary.unrecognised > 0 ? [`${summary.unrecognised} unrecognised`] : []),
    ...(summary.struck > 0 ? [`${summary.struck} struck`] : []),
  ].join(', ');
  return [
    summary.mode === 'plan' ? `To delete: ${count(summary.planned, 'tag')}.` : describeDeletions(summary),
    `Kept: ${kept}.`,
    ...named(given.open.map(describeEntry)),
    ...describeCheck(summary, given),
    `Lists and journal: ${given.folder}`,
    ...(summary.saved
      ? [
          `Saved, to be put back with "npm run clean -- undo": ${summary.saved.file} (${formatBytes(summary.saved.bytes)})`,
        ]
      : []),
    ...(summary.report === undefined ? [] : [`Report: ${summary.report}`]),
    ...(summary.mode === 'plan' && summary.exitCode === 0 && summary.planned > 0
      ? ['Nothing was changed. When you have reviewed the lists: npm run clean -- --resume --delete']
      : []),
  ].join('\n');
}

function describeDeletions(summary: Summary): string {
  const { planned, deleted, alreadyGone, drifted, failed } = summary;
  const left = planned - deleted - alreadyGone - drifted - failed;
  const others = [
    ...(alreadyGone > 0 ? [`${alreadyGone} gone already`] : []),
    ...(drifted > 0 ? [`${drifted} drifted (left alone)`] : []),
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(left > 0 ? [`${left} still to do`] : []),
  ];
  return `Deleted: ${deleted} of ${count(planned, 'tag')}${others.length > 0 ? `; ${others.join(', ')}` : ''}.`;
}

function describeEntry({ repository, tag, outcome, reason }: JournalEntry): string {
  return `${outcome}: ${repository}:${tag}${reason === undefined ? '' : `: ${reason}`}`;
}

function named(lines: readonly string[]): string[] {
  const shown = lines.slice(0, NAMED).map((line) => `  ${plainText(line)}`);
  return lines.length > NAMED ? [...shown, `  … and ${lines.length - NAMED} more, in the journal`] : shown;
}

const WORDS: Readonly<Record<Finding['verdict'], string>> = {
  lost: 'LOST',
  stillThere: 'still there',
  notWhole: 'not whole',
  moved: 'moved since',
};

/** What the check after deleting has found; what is worst comes first. */
function describeCheck(summary: Summary, { findings, undo }: ClosingCircumstances): string[] {
  const { verify, verified, looked, lost } = summary;
  if (verify === 'none') return [];
  const verdicts = Object.keys(WORDS) as Finding['verdict'][];
  const lines = verdicts.flatMap((verdict) =>
    findings.filter((finding) => finding.verdict === verdict).map(describeFinding),
  );
  return [
    verify === 'incomplete'
      ? 'The check of what stays did not come to its end.'
      : `Checked: ${count(verified, 'tag')} kept as before, ${count(looked, 'image')} looked into.`,
    ...named(lines),
    ...(lost > 0
      ? [`${count(lost, 'tag')} LOST that had to stay. What this run has deleted comes back with: ${undo}`]
      : []),
  ];
}

function describeFinding({ repository, tag, digest, verdict, reason }: Finding): string {
  return `${WORDS[verdict]}: ${repository}:${tag}${digest === undefined ? '' : ` (${digest})`}: ${reason}`;
}

/** What an undo has come to. Every image that is not whole is named. */
export function renderUndo(summary: UndoSummary, entries: readonly UndoEntry[]): string {
  const { run, tags, restored, there, pushedSince, incomplete, failed, unproven } = summary;
  const left = tags - restored - there - pushedSince - incomplete - failed;
  const others = [
    ...(there > 0 ? [`${there} there already`] : []),
    ...(pushedSince > 0 ? [`${pushedSince} pushed since (left alone)`] : []),
    ...(incomplete > 0 ? [`${incomplete} NOT WHOLE any more`] : []),
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(left > 0 ? [`${left} still to do`] : []),
  ];
  return [
    `Put back of run ${run}: ${restored} of ${count(tags, 'tag')}${others.length > 0 ? `; ${others.join(', ')}` : ''}.`,
    ...entries.filter(({ outcome }) => !isWhole(outcome)).map(nameUndone),
    ...(restored + there > 0 ? [`Whole, as far as the registry knows: ${restored + there - unproven}.`] : []),
    ...(unproven > 0
      ? [
          `Put back, but only the object store behind the registry could tell whether it is whole: ${unproven}.`,
        ]
      : []),
    ...(left > 0 ? ['The same command goes on with the rest.'] : []),
  ].join('\n');
}

function isWhole(outcome: UndoEntry['outcome']): boolean {
  return outcome === 'restored' || outcome === 'there';
}

const UNDONE = {
  restored: 'back',
  there: 'there already',
  pushedSince: 'pushed since, left alone',
  incomplete: 'NOT WHOLE, not put back',
  failed: 'FAILED',
} as const satisfies Readonly<Record<UndoEntry['outcome'], string>>;

function nameUndone({ outcome, repository, tag, reason }: UndoEntry): string {
  return `  ${plainText(`${UNDONE[outcome]}: ${repository}:${tag}${reason === undefined ? '' : `: ${reason}`}`)}`;
}
