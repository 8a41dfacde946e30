/** What a case has measured, as a table for people and as one JSON object for programs. */

/** How a figure is written. `ms` are milliseconds; `factor` is a number of times. */
type Unit = 'ms' | 'bytes' | 'factor';

interface Column {
  readonly key: string;
  readonly title: string;
  readonly unit: Unit;
}

/** One line of a table: what was measured, and a figure for each column by its key; one that was not measured is left out. */
export interface Row {
  readonly what: string;
  readonly figures: Readonly<Record<string, number | undefined>>;
}

/** A figure that the project wants to reach. */
interface Aim {
  readonly what: string;
  readonly unit: Unit;
  readonly figure: number;
  readonly bound: 'at least' | 'at most';
  readonly limit: number;
}

export interface CaseReport {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly aims: readonly Aim[];
}

/** Markdown: the title, the table, and what was aimed at. */
export function markdown({ title, columns, rows, aims }: CaseReport): string {
  const measured = table(
    ['', ...columns.map((column) => column.title)],
    rows.map(({ what, figures }) => [what, ...columns.map(({ key, unit }) => written(figures[key], unit))]),
  );
  const aimed = table(
    ['', 'measured', 'aimed at'],
    aims.map(({ what, unit, figure, bound, limit }) => [
      what,
      written(figure, unit),
      `${bound} ${written(limit, unit)}`,
    ]),
  );
  return [`### ${title}`, measured, ...(aims.length > 0 ? [aimed] : [])].join('\n\n');
}

/** One line of JSON; `name` is that of the case. Figures are rounded to thousandths. */
export function json(name: string, { title, rows, aims }: CaseReport): string {
  const whole = { bench: name, title, rows: rows.map(({ what, figures }) => ({ what, ...figures })), aims };
  return JSON.stringify(whole, (_key, value: unknown) =>
    typeof value === 'number' ? Math.round(value * 1000) / 1000 : value,
  );
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = heads.map((_, index) => (index === 0 ? '---' : '---:'));
  return [heads, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const MIB = 1024 * 1024;

const write: Readonly<Record<Unit, (figure: number) => string>> = {
  ms: (figure) => `${(figure / 1000).toFixed(figure < 10_000 ? 2 : 1)} s`,
  bytes: (figure) =>
    figure < MIB ? `${(figure / 1024).toFixed(0)} KiB` : `${(figure / MIB).toFixed(1)} MiB`,
  factor: (figure) => figure.toFixed(2),
};

function written(figure: number | undefined, unit: Unit): string {
  return figure === undefined ? '–' : write[unit](figure);
}
