/** The closing summary as text. */
import type { JournalEntry, Summary } from '../../domain/outcome.ts';
import { count, plainText } from '../../domain/text.ts';
import type { UndoEntry, UndoSummary } from '../../domain/undo.ts';

/** So many failures and drifted tags are named; the journal has all of them. */
const NAMED = 20;

/** What a run has come to, in a few lines. */
export function renderClosing(
  summary: Summary,
  given: { readonly folder: string; readonly open: readonly JournalEntry[] },
): string {
  const kept = [
    `${summary.retained} retained`,
    ...(summary.protected > 0 ? [`${summary.protected} protected`] : []),
    ...(summary.unrecognised > 0 ? [`${summary.unrecognised} unrecognised`] : []),
    ...(summary.struck > 0 ? [`${summary.struck} struck`] : []),
  ].join(', ');
  return [
    summary.mode === 'plan' ? `To delete: ${count(summary.planned, 'tag')}.` : describeDeletions(summary),
    `Kept: ${kept}.`,
    ...nameOpen(given.open),
    `Lists and journal: ${given.folder}`,
    ...(summary.saved
      ? [
          `Saved, to be put back with "npm run clean -- undo": ${summary.saved.file} (${sizeText(summary.saved.bytes)})`,
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

function nameOpen(entries: readonly JournalEntry[]): string[] {
  const lines = entries
    .slice(0, NAMED)
    .map(
      ({ repository, tag, outcome, reason }) =>
        `  ${plainText(`${outcome}: ${repository}:${tag}${reason === undefined ? '' : `: ${reason}`}`)}`,
    );
  return entries.length > NAMED
    ? [...lines, `  … and ${entries.length - NAMED} more, in the journal`]
    : lines;
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

/** `1.2 MiB`. */
function sizeText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const figure = bytes / 1024 ** power;
  return `${power === 0 || figure >= 100 ? Math.round(figure) : figure.toFixed(1)} ${units[power]}`;
}
