/** The parts of the report above the table of all tags. */
import type { Report, ReportStep } from '../../domain/report.ts';
import type { ReportTag, Standing } from '../../domain/report-tags.ts';
import { plainText } from '../../domain/text.ts';
import { stackedBars } from './chart.ts';
import { formatBytes, formatCount, formatMoment, formatTime } from './format.ts';
import { type Html, html } from './html.ts';
import { standingWords } from './words.ts';

/** So many tags are named in a section; the table of all tags has the others. */
const NAMED = 100;

export function headSection({ run, ending, writtenAt }: Report): Html {
  const { binding, by, planSha256, only } = run;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Registry', binding?.registry],
    ['Cluster', binding?.context],
    ['Workload', binding && `${binding.namespace}/${binding.workload}`],
    ['Run', run.id],
    ['Begun', `${formatMoment(run.startedAt)}${by === undefined ? '' : ` by ${by}`}`],
    ['This report', formatMoment(writtenAt)],
    ['Restricted to', only && `the ${only === 'new' ? 'newer' : 'older'} naming scheme`],
    ['Plan', planSha256 && `sha256:${planSha256}`],
  ];
  return html`<header>
<p class="overline">docker-registry-cleaner</p>
<h1>Registry cleaning report</h1>
<div class="ending ending-${ending.tone}"><p><strong>${ending.title}</strong></p>${ending.details.map((detail) => html`<p class="detail">${detail}</p>`)}</div>
<dl class="facts">${facts.map(([name, value]) => value && html`<div><dt>${name}</dt><dd>${plainText(value)}</dd></div>`)}</dl>
</header>`;
}

export function totalsSection(report: Report): Html {
  const { standings, environments, hasBytes, figures } = report;
  const shown = (Object.keys(standingWords) as Standing[]).filter((standing) => standings[standing] > 0);
  const bytesOf = (group: 'deleted' | 'open') =>
    environments.reduce((total, { bytes }) => total + (bytes?.[group] ?? 0), 0);
  const missing = figures.missingRepositories.length;
  return html`<section aria-labelledby="totals">
<h2 id="totals">Totals</h2>
<dl class="cards">${shown.map((standing) => {
    const { label, meaning } = standingWords[standing];
    return html`<div class="card"><dt><span class="dot is-${standing}"></span>${label}</dt><dd>${formatCount(standings[standing])}</dd><dd class="hint">${meaning}</dd></div>`;
  })}</dl>
${shown.length === 0 ? html`<p>There is no tag.</p>` : undefined}
${hasBytes ? html`<p>Bytes of manifests and layers: ${formatBytes(bytesOf('deleted'))} deleted, ${formatBytes(bytesOf('open'))} to delete. The registry’s garbage collector frees what nothing else refers to.</p>` : undefined}
${missing > 0 ? html`<p>${formatCount(missing)} ${missing === 1 ? 'environment has' : 'environments have'} no legacy repository.</p>` : undefined}
</section>`;
}

export function protectedSection({ protections, tags }: Report): Html {
  const kept = tags.filter(({ standing }) => standing === 'protected');
  return html`<section aria-labelledby="protected">
<h2 id="protected">What was protected, and why</h2>
${protections.length === 0 ? html`<p>Nothing had to be protected.</p>` : protectionTable({ protections })}
${kept.length > 0 ? tagTable(kept, 'Protected tags') : undefined}
</section>`;
}

function protectionTable({ protections }: Pick<Report, 'protections'>): Html {
  return html`<div class="scroll" role="region" aria-labelledby="protected" tabindex="0"><table>
<thead><tr><th scope="col">Rule</th><th scope="col">Why</th><th scope="col" class="figure">tags kept</th><th scope="col" class="figure">only manifests kept</th></tr></thead>
<tbody>${protections.map(
    ({ rule, why, tags, onlyManifests }) =>
      html`<tr><th scope="row">${rule}</th><td>${why}</td><td class="figure">${formatCount(tags)}</td><td class="figure">${formatCount(onlyManifests)}</td></tr>`,
  )}</tbody></table></div>
${protections.some(({ onlyManifests }) => onlyManifests > 0) ? html`<p class="hint">Where only a manifest is kept, the doomed tag on it goes: it is taken off the manifest.</p>` : undefined}`;
}

export function failedSection({ tags }: Report): Html {
  const open = tags.filter(({ standing }) => standing === 'failed' || standing === 'drifted');
  return html`<section aria-labelledby="failed">
<h2 id="failed">What failed</h2>
${open.length === 0 ? html`<p>Nothing failed, and nothing drifted.</p>` : tagTable(open, 'Failed and drifted tags')}
</section>`;
}

function tagTable(tags: readonly ReportTag[], caption: string): Html {
  const left = tags.length - NAMED;
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr><th scope="col">Tag</th><th scope="col">Status</th><th scope="col">Reason</th></tr></thead>
<tbody>${tags
    .slice(0, NAMED)
    .map(
      ({ repository, tag, standing, reason }) =>
        html`<tr><th scope="row" class="name">${repository}:${tag}</th><td class="status"><span class="dot is-${standing}"></span>${standingWords[standing].label}</td><td class="reason">${reason}</td></tr>`,
    )}</tbody></table></div>
${left > 0 ? html`<p class="hint">… and ${formatCount(left)} more: choose the status in the table of all tags.</p>` : undefined}`;
}

export function stepsSection({ steps }: Report): Html {
  const timed = steps.filter(({ durationMs }) => durationMs !== undefined);
  return html`<section aria-labelledby="steps">
<h2 id="steps">Time by step</h2>
${timed.length === 0 ? undefined : stepsChart(timed)}
<div class="scroll" role="region" aria-labelledby="steps" tabindex="0"><table>
<thead><tr><th scope="col">Step</th><th scope="col">Begun</th><th scope="col" class="figure">Time</th><th scope="col">Result</th></tr></thead>
<tbody>${steps.map(stepRow)}</tbody></table></div>
<p class="hint">Of a step that was begun more than once, the last time counts.</p>
</section>`;
}

function stepsChart(steps: readonly ReportStep[]): Html {
  const bars = steps.map(({ title, durationMs = 0 }) => ({
    label: title,
    note: formatTime(durationMs),
    values: { time: durationMs },
  }));
  const longest = Math.max(...bars.map(({ values }) => values.time));
  return stackedBars({
    title: 'Time by step, as bars. The table below has the same figures.',
    series: [{ key: 'time', label: 'time' }],
    bars,
    format: formatTime,
    unit: longest >= 2 * 3_600_000 ? 3_600_000 : longest >= 120_000 ? 60_000 : 1000,
  });
}

function stepRow({ title, state, startedAt, durationMs, note }: ReportStep): Html {
  const time = durationMs === undefined ? '–' : formatTime(durationMs);
  const result = [state === 'running' ? 'not ended' : state, ...(note ? [plainText(note)] : [])].join(': ');
  return html`<tr><th scope="row">${title}</th><td class="moment">${formatMoment(startedAt)}</td><td class="figure">${time}</td><td class="reason">${result}</td></tr>`;
}
