/**
 * Charts as SVG, by D3's scales and stacks. Widths are in percent and heights in pixels, so that a chart fills whatever
 * place it has, and its text is as large as that of the page. Colours are those of the page's style sheet.
 */
import { scaleLinear } from 'd3-scale';
import { stack } from 'd3-shape';
import { type Html, html } from './html.ts';

const BAR_PX = 14;
const LABEL_PX = 18;
const ROW_PX = LABEL_PX + BAR_PX + 10;
const AXIS_PX = 26;
const TICKS = 4;

export interface Series<Key extends string> {
  /** Also the name of its colour in the style sheet. */
  readonly key: Key;
  readonly label: string;
}

export interface Bar<Key extends string> {
  readonly label: string;
  /** At the end of the label's line. */
  readonly note: string;
  readonly values: Readonly<Record<Key, number>>;
}

interface Chart<Key extends string> {
  /** For the reader's program that reads the page out: what the chart shows, and where the same stands as text. */
  readonly title: string;
  readonly series: readonly Series<Key>[];
  readonly bars: readonly Bar<Key>[];
  /** Writes a value, for ticks and for what is shown above a bar's part. */
  readonly format: (value: number) => string;
  /** One unit in which ticks are round numbers, e.g. 1024 for KiB. Default: 1. */
  readonly unit?: number;
  /** Values are whole numbers: no tick stands for a part of one. */
  readonly whole?: boolean;
}

/** Horizontal bars, each with its parts one behind the other. */
export function stackedBars<Key extends string>(chart: Chart<Key>): Html {
  const { title, series, bars, format, unit = 1, whole = false } = chart;
  const total = ({ values }: Bar<Key>) => series.reduce((sum, { key }) => sum + values[key], 0);
  const most = Math.max(...bars.map(total)) / unit;
  const scale = scaleLinear()
    .domain([0, most > 0 ? most : 1])
    .nice(TICKS)
    .range([0, 100]);
  const ticks = scale.ticks(TICKS).filter((tick) => !whole || Number.isInteger(tick));
  const percent = (value: number) => `${Math.round(scale(value / unit) * 1000) / 1000}%`;
  const height = bars.length * ROW_PX + AXIS_PX;
  const parts = stack<Bar<Key>, Key>()
    .keys(series.map(({ key }) => key))
    .value(({ values }, key) => values[key])(bars);
  return html`<svg class="chart" role="img" aria-label="${title}" width="100%" height="${height}">
<g class="grid">${ticks.map((tick) => grid(tick, { percent, height, format, unit }))}</g>
${bars.map((bar, index) => label(bar, index))}
${parts.map((layer, at) =>
  layer.map(([from, to], index) => {
    if (to === from) return undefined;
    const { key, label: name } = series[at] as Series<Key>;
    const y = index * ROW_PX + LABEL_PX;
    return html`<rect class="is-${key}" x="${percent(from)}" y="${y}" width="${percent(to - from)}" height="${BAR_PX}"><title>${bars[index]?.label}: ${name} ${format(to - from)}</title></rect>`;
  }),
)}
</svg>`;
}

function label({ label, note }: Bar<string>, index: number): Html {
  const y = index * ROW_PX + LABEL_PX - 5;
  return html`<text class="bar-label" x="0" y="${y}">${label}</text><text class="bar-note" x="100%" y="${y}">${note}</text>`;
}

function grid(
  tick: number,
  given: {
    percent: (value: number) => string;
    height: number;
    format: (value: number) => string;
    unit: number;
  },
): Html {
  const { percent, height, format, unit } = given;
  const x = percent(tick * unit);
  const anchor = tick === 0 ? 'start' : x === '100%' ? 'end' : 'middle';
  const bottom = height - AXIS_PX;
  return html`<line x1="${x}" x2="${x}" y1="0" y2="${bottom}"/><text class="tick" x="${x}" y="${bottom + 16}" text-anchor="${anchor}">${format(tick * unit)}</text>`;
}

/** Which colour stands for what. */
export function legend(series: readonly Series<string>[]): Html {
  return html`<ul class="legend">${series.map(
    ({ key, label }) => html`<li><span class="dot is-${key}"></span>${label}</li>`,
  )}</ul>`;
}
