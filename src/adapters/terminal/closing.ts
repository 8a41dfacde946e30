/** The closing summary as text. */
import type { JournalEntry, Summary } from '../../domain/outcome.ts';
import { count, plainText } from '../../domain/text.ts';

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
