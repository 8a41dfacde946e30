/** What a scan has found as text, for any width. */
import { tellRemembered } from '../../domain/remembered.ts';
import type { EnvironmentSpace, ScanReport } from '../../domain/scan.ts';
import { alignColumns, count, formatBytes, plainText } from '../../domain/text.ts';

const NUMBERS = [1, 2, 3, 4, 5, 6];
/** So many manifests that could not be read are named one by one. */
const NAMED_AT_MOST = 5;

export function renderScan(report: ScanReport, width: number): string {
  const { environments, keepLast } = report;
  const wide = columns(environments, keepLast);
  // Where that has no room, every environment is a block of its own.
  const hasRoom = wide.split('\n').every((line) => line.length <= width);
  const table = hasRoom ? wide : blocks(environments, keepLast);
  return [...(environments.length === 0 ? [] : [table, '']), ...remarks(report)].join('\n');
}

function columns(environments: readonly EnvironmentSpace[], keepLast: number): string {
  const heads = [
    'ENVIRONMENT',
    'REVISIONS',
    'NEWEST',
    'OLDEST',
    'IN ALL',
    'ITS OWN',
    `KEEP ${keepLast} FREES`,
  ];
  const lines = environments.map(({ environment, revisions, bytes, ownBytes, gainBytes }) => [
    environment,
    ...[revisions.length, revisions[0], revisions.at(-1)].map(String),
    ...[bytes, ownBytes, gainBytes].map(formatBytes),
  ]);
  return alignColumns([heads, ...lines], NUMBERS);
}

function blocks(environments: readonly EnvironmentSpace[], keepLast: number): string {
  return environments
    .map(({ environment, revisions, bytes, ownBytes, gainBytes }) =>
      [
        environment,
        `  ${count(revisions.length, 'revision')}, ${revisions.at(-1)} to ${revisions[0]}`,
        `  ${formatBytes(bytes)}, of which its own ${formatBytes(ownBytes)}`,
        `  keeping ${keepLast} frees ${formatBytes(gainBytes)}`,
      ].join('\n'),
    )
    .join('\n');
}

function remarks(report: ScanReport): string[] {
  const { environments, keepLast, registry, context, repositories, foreign, bytes, gainBytes, file } = report;
  const { at, remembered } = report;
  const more = foreign > 0 ? `, ${foreign} of them not Domino's` : '';
  return [
    `${registry} (context ${context}): ${count(repositories, 'repository', 'repositories')}${more}, ` +
      `${count(report.manifests, 'manifest')}, ${formatBytes(bytes)}.`,
    ...(environments.length === 0 ? ['There is no revision of any environment.'] : []),
    ...(environments.length > 0
      ? [
          `Keeping the newest ${keepLast} of every environment frees ${formatBytes(gainBytes)} together; layers that ` +
            'several of them share are freed only together.',
          'Space is freed when the garbage collector of the registry has run. Manifests without a tag that no index ' +
            'lists cannot be found; what they need is not freed. Images that something runs are not considered here.',
        ]
      : []),
    ...(remembered ? [tellRemembered(remembered, at)] : []),
    ...unreadRemarks(report),
    ...(file === undefined ? [] : [`Written, every line commented out: ${file}`]),
  ];
}

function unreadRemarks({ unread }: ScanReport): string[] {
  if (unread.length === 0) return [];
  const named = unread.slice(0, NAMED_AT_MOST).map((name) => `  ${plainText(name)}`);
  const more = unread.length > NAMED_AT_MOST ? [`  and ${unread.length - NAMED_AT_MOST} more`] : [];
  return [
    `INCOMPLETE: ${count(unread.length, 'manifest')} could not be read, so that the figures may be too large or too small:`,
    ...named,
    ...more,
  ];
}
