/** The review as text, for any width. */
import { formatDuration } from '../../domain/progress.ts';
import type { Review, ReviewRow } from '../../domain/review.ts';
import { alignColumns, count, formatBytes, plainText } from '../../domain/text.ts';
import type { ReviewCircumstances } from '../../ports.ts';

/** From this width on a row fits on a line with its repository's full name. */
const WIDE = 118;
/** Below this width every row is a block of its own. */
const NARROW = 76;
/** The columns of numbers. */
const NUMBERS = [2, 3, 4];
/** So many environments are named one by one. */
const NAMED_AT_MOST = 5;

/** The table, and what else one has to know before agreeing. */
export function renderReview(review: Review, circumstances: ReviewCircumstances, width: number): string {
  const rows = review.rows.filter((row) => row.found > 0);
  const table = width < NARROW ? blocks(rows) : columns(rows, width);
  return [...(rows.length === 0 ? [] : [table]), ...remarks(review, circumstances)].join('\n');
}

function columns(rows: readonly ReviewRow[], width: number): string {
  const wide = width >= WIDE;
  const cells = rows.map((row) => [
    row.environment,
    wide ? row.repository : row.scheme,
    String(row.found),
    String(row.retained),
    describeDeletion(row),
    describeProtected(row),
  ]);
  const table = [
    ['ENVIRONMENT', wide ? 'REPOSITORY' : 'WHERE', 'FOUND', 'RETAINED', 'DELETE', 'PROTECTED'],
    ...cells,
  ];
  return alignColumns(table, NUMBERS);
}

function blocks(rows: readonly ReviewRow[]): string {
  return rows
    .map((row) =>
      [
        `${row.environment} (${row.scheme})`,
        `  found ${row.found}, retained ${row.retained}, delete ${describeDeletion(row)}`,
        ...(row.protected + row.struck > 0 ? [`  protected ${describeProtected(row)}`] : []),
      ].join('\n'),
    )
    .join('\n');
}

function describeDeletion(row: ReviewRow): string {
  return row.nothingRemains && row.toDelete > 0 ? `ALL ${row.toDelete}` : String(row.toDelete);
}

function describeProtected(row: ReviewRow): string {
  const reasons = Object.entries(row.protectedBy).map(([rule, tags]) => `${tags} ${rule}`);
  if (row.struck > 0) reasons.push(`${row.struck} struck`);
  if (reasons.length === 0) return '–';
  return plainText(`${row.protected + row.struck} (${reasons.join(', ')})`);
}

function restartRemark({ restarts, lastRestarts }: ReviewCircumstances): string {
  const { enablingMs, restoringMs } = lastRestarts;
  if (restarts === 0) return 'Deleting does not restart the registry.';
  if (restarts === 1)
    return `The registry is restarted once, to put its setting back${lastTook([restoringMs])}.`;
  return `Deleting restarts the registry ${restarts} times${lastTook([enablingMs, restoringMs])}.`;
}

/** In earlier runs, as far as there were any. */
function lastTook(timesMs: readonly (number | undefined)[]): string {
  const known = timesMs.filter((timeMs) => timeMs !== undefined).map(formatDuration);
  if (known.length === 0) return '';
  return `; the last ${known.length === 1 ? 'one' : 'ones'} took ${known.join(' and ')}`;
}

function fileRemarks({ notFound }: Review, { file }: ReviewCircumstances): string[] {
  const named = notFound.slice(0, NAMED_AT_MOST).join(', ');
  const more = notFound.length > NAMED_AT_MOST ? `, and ${notFound.length - NAMED_AT_MOST} more` : '';
  return [
    ...(notFound.length > 0
      ? [`No tag was found of ${count(notFound.length, 'environment')} of the file: ${named}${more}.`]
      : []),
    ...(file.added > 0
      ? [
          `The file names ${count(file.added, 'environment')} more than when the plan was made: that needs a new run.`,
        ]
      : []),
    ...(file.removed > 0
      ? [
          `The file names ${count(file.removed, 'environment')} fewer than when the plan was made: left alone.`,
        ]
      : []),
  ];
}

/** What is protected since something runs it, and what of that this program cannot know. */
function inUseRemarks({ totals }: Review, { unseen }: ReviewCircumstances): string[] {
  if (totals.toDelete === 0) return [];
  const places = unseen.map(
    ({ kind, namespace }) => `${kind} ${namespace === '' ? 'in all namespaces' : `in ${namespace}`}`,
  );
  return [
    ...(places.length > 0
      ? [`NOT SEEN what is in use there, for want of permission: ${places.join(', ')}.`]
      : []),
    'What the cluster runs is protected. It does not tell of stopped workspaces, of jobs that Domino will start, nor of environments built FROM a revision: retain what these need.',
  ];
}

/** What deleting will free, and how far that can be relied upon. */
function spaceRemarks({ estimate }: ReviewCircumstances): string[] {
  if (estimate === undefined) return [];
  const { scope, bytes, unread } = estimate;
  const amount = `${formatBytes(bytes)} (${count(bytes, 'byte')})`;
  return [
    scope === 'touched'
      ? `Frees at most ${amount}, once the registry's garbage collector has run. An upper bound: other repositories may share layers, which --estimate=registry finds out.`
      : `Frees ${amount}, once the registry's garbage collector has run. Every repository was read; a manifest without a tag that no index lists cannot be seen, and what it needs is not freed.`,
    ...(unread > 0
      ? [
          `INCOMPLETE: ${count(unread, 'manifest')} could not be read, so that the figure may be too large or too small.`,
        ]
      : []),
  ];
}

function untyingRemark(repositories: readonly string[]): string {
  const [first] = repositories;
  const where = repositories.length === 1 ? first : `${repositories.length} repositories`;
  return `Strategy for ${where}: untag first, then delete the manifests.`;
}

function remarks(review: Review, circumstances: ReviewCircumstances): string[] {
  const { totals, leftAlone, rows } = review;
  const missing = rows.filter((row) => row.missing && row.scheme === 'legacy').length;
  const noNew = rows.some((row) => row.missing && row.scheme === 'new');
  const emptied = new Set(
    rows.filter((row) => row.nothingRemains && row.toDelete > 0).map((row) => row.environment),
  );
  return [
    '',
    `${count(totals.toDelete, 'tag')} of ${totals.found} to delete from ${circumstances.registry} (context ${circumstances.context}).`,
    ...(circumstances.done > 0 ? [`${circumstances.done} of them are gone already.`] : []),
    ...spaceRemarks(circumstances),
    ...(totals.following > 0
      ? [
          `${count(totals.following, 'tag')} of these are signatures and the like, which go with their images.`,
        ]
      : []),
    ...(totals.untiedOnly > 0
      ? [`${count(totals.untiedOnly, 'tag')} of these only as tags: what stays needs their manifests.`]
      : []),
    ...(circumstances.untagFirst.length > 0 ? [untyingRemark(circumstances.untagFirst)] : []),
    ...(review.unfinished > 0
      ? [
          `An unfinished run has left ${count(review.unfinished, 'ledger')} of untied tags, which deleting works off` +
            (review.putBack > 0 ? `; ${count(review.putBack, 'tag')} of it goes back to where it was.` : '.'),
        ]
      : []),
    ...(emptied.size > 0 ? [`ALL: of ${count(emptied.size, 'environment')} nothing will remain.`] : []),
    ...(totals.protected > 0
      ? [`${count(totals.protected, 'tag')} protected, although the file would delete them.`]
      : []),
    ...(leftAlone.unrecognised > 0
      ? [`Left alone: ${count(leftAlone.unrecognised, 'tag')} that no revision has (such as buildcache).`]
      : []),
    ...(leftAlone.otherEnvironments > 0
      ? [
          `Left alone: ${count(leftAlone.otherEnvironments, 'tag')} of environments that the file does not name.`,
        ]
      : []),
    ...(missing > 0 ? [`${count(missing, 'environment')} without a legacy repository.`] : []),
    ...(noNew ? ['There is no repository dominodatalab/environment.'] : []),
    ...inUseRemarks(review, circumstances),
    ...fileRemarks(review, circumstances),
    ...(totals.toDelete > 0 ? [restartRemark(circumstances)] : []),
    `Lists: ${circumstances.lists}`,
    `Plan: sha256:${circumstances.planSha256}`,
  ];
}
