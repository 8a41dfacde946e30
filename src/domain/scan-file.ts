/** What a scan has found, as an environments file for review: nothing in it counts until its # is taken away. */
import { tellRemembered } from './remembered.ts';
import type { EnvironmentSpace, ScanReport } from './scan.ts';
import { count, formatBytes } from './text.ts';

/** So many revisions that stay are named one by one. */
const NAMED_AT_MOST = 5;

/** The file's text, with line feeds. The environment that would bring the most comes first. */
export function environmentsFile(report: ScanReport): string {
  const { at, registry, keepLast, gainBytes, unread, remembered } = report;
  const newest = keepLast === 1 ? 'newest revision' : `newest ${keepLast} revisions`;
  const heading = [
    `A scan of ${registry}, ${at}.`,
    ...(remembered ? [tellRemembered(remembered, at)] : []),
    'An environment is left alone as long as there is a # before its ID. Take it away, and of that environment the',
    `${newest} will stay, with whatever is built later, and all others will go. What a line would free stands`,
    `behind it; all of them together would free ${formatBytes(gainBytes)}. Nothing is looked at that runs an image: making the plan does that.`,
    ...(unread.length > 0 ? [`INCOMPLETE: ${count(unread.length, 'manifest')} could not be read.`] : []),
  ];
  const lines = report.environments.map((row) => lineOf(row, keepLast));
  return [...heading.map((text) => `# ${text}`), '', ...lines, ''].join('\n');
}

function lineOf(row: EnvironmentSpace, keepLast: number): string {
  const { environment, revisions, gainBytes, bytes } = row;
  const kept = revisions.slice(0, keepLast);
  const named = kept.slice(0, NAMED_AT_MOST).join(' ');
  const more = kept.length > NAMED_AT_MOST ? ' …' : '';
  return `# ${environment} latest:${keepLast}  # frees ${formatBytes(gainBytes)} of ${formatBytes(bytes)}; keeps ${named}${more} of ${count(revisions.length, 'revision')}`;
}
