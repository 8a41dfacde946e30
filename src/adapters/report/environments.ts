/** Tags and bytes by environment: charts, and the same as a table. */
import type { Report } from '../../domain/report.ts';
import { type ByGroup, type EnvironmentFigures, type Group, groups } from '../../domain/report-figures.ts';
import { type Bar, legend, type Series, stackedBars } from './chart.ts';
import { byteUnit, formatBytes, formatCount } from './format.ts';
import { type Html, html } from './html.ts';
import { groupLabels } from './words.ts';

/** So many environments have a bar of their own. */
const BARS = 15;
/** A longer table is folded up. */
const OPEN_ROWS = 20;
/** The table below the charts has no more rows; the table of tags has everything. */
const MOST_ROWS = 1000;

type Figures = 'tags' | 'bytes';

export function environmentsSection(report: Report): Html {
  const used = usedGroups(report.environments);
  return html`<section aria-labelledby="environments">
<h2 id="environments">By environment</h2>
${used.length === 0 ? html`<p>There is no tag.</p>` : charts(report, used)}
${table(report, used)}
</section>`;
}

function usedGroups(environments: readonly EnvironmentFigures[]): readonly Series<Group>[] {
  return groups
    .filter((group) => environments.some(({ tags }) => tags[group] > 0))
    .map((key) => ({ key, label: groupLabels[key] }));
}

function charts({ environments, hasBytes }: Report, series: readonly Series<Group>[]): Html {
  return html`${legend(series)}
<div class="charts">
<figure><figcaption>Revisions</figcaption>
${stackedBars({
  title: 'Revisions by environment, as bars. The table below has the same figures.',
  series,
  bars: barsOf(environments, 'tags', (figure) => `${formatFigure(figure)} ${figure === 1 ? 'tag' : 'tags'}`),
  format: formatFigure,
  whole: true,
})}</figure>
${hasBytes ? bytesChart(environments, series) : undefined}
</div>`;
}

function bytesChart(environments: readonly EnvironmentFigures[], series: readonly Series<Group>[]): Html {
  const bars = barsOf(environments, 'bytes', formatBytes);
  const most = Math.max(...bars.map(({ values }) => sum(values)));
  return html`<figure><figcaption>Bytes</figcaption>
${stackedBars({
  title: 'Bytes by environment, as bars. The table below has the same figures.',
  series,
  bars,
  format: formatBytes,
  unit: byteUnit(most),
})}
<p class="hint">Each manifest counts once, with its layers; a layer counts in every image that has it.</p></figure>`;
}

/** A bar for each of the first environments, and one for all others, on average: together they would dwarf the rest. */
function barsOf(
  environments: readonly EnvironmentFigures[],
  figures: Figures,
  format: (figure: number) => string,
): readonly Bar<Group>[] {
  const known = environments.filter(({ allTags }) => allTags > 0);
  const own = known.length > BARS + 1 ? known.slice(0, BARS) : known;
  const others = known.slice(own.length);
  const bars = own.map((each) => {
    const values = valuesOf(each, figures);
    return { label: nameOf(each), note: format(sum(values)), values };
  });
  if (others.length === 0) return bars;
  const all = others.map((each) => valuesOf(each, figures));
  const total = all.reduce((before, values) => before + sum(values), 0);
  const values = Object.fromEntries(
    groups.map((group) => [group, all.reduce((before, each) => before + each[group], 0) / others.length]),
  ) as Record<Group, number>;
  const label = `${formatCount(others.length)} others, on average`;
  return [...bars, { label, note: `${format(total)} in all`, values }];
}

function valuesOf({ tags, bytes }: EnvironmentFigures, figures: Figures): ByGroup {
  return figures === 'bytes' && bytes !== undefined ? bytes : tags;
}

function sum(values: ByGroup): number {
  return groups.reduce((total, group) => total + values[group], 0);
}

function formatFigure(figure: number): string {
  return Number.isInteger(figure) ? formatCount(figure) : figure.toFixed(1);
}

function table({ environments }: Report, series: readonly Series<Group>[]): Html {
  const rows = environments.slice(0, MOST_ROWS);
  const left = environments.length - rows.length;
  return html`<details${environments.length <= OPEN_ROWS ? html` open` : undefined}>
<summary>The figures of ${formatCount(environments.length)} ${environments.length === 1 ? 'environment' : 'environments'}</summary>
<div class="scroll" role="region" aria-labelledby="environments" tabindex="0"><table>
<thead><tr><th scope="col">Environment</th>${series.map(({ label }) => html`<th scope="col" class="figure">${label}</th>`)}<th scope="col" class="figure">all</th></tr></thead>
<tbody>${rows.map((each) => row(each, series))}</tbody></table></div>
${left > 0 ? html`<p class="hint">… and ${formatCount(left)} more, whose tags are in the table of all tags.</p>` : undefined}
</details>`;
}

function row(figures: EnvironmentFigures, series: readonly Series<Group>[]): Html {
  const { environment, tags, bytes, allTags } = figures;
  const name =
    environment === undefined
      ? nameOf(figures)
      : html`<button type="button" class="link" data-search="${environment}" disabled>${environment}</button>`;
  return html`<tr><th scope="row" class="name">${name}</th>${series.map(({ key }) => cell(tags[key], bytes?.[key]))}${cell(allTags, bytes && sum(bytes))}</tr>`;
}

function cell(tags: number, bytes: number | undefined): Html {
  const weight = bytes === undefined ? undefined : html`<br><span class="hint">${formatBytes(bytes)}</span>`;
  return html`<td class="figure">${formatCount(tags)}${weight}</td>`;
}

function nameOf({ environment }: EnvironmentFigures): string {
  return environment ?? 'no environment';
}
