/** Text that comes from the cluster or the registry and is shown to people. */

// Controls, format characters that reorder or hide text (Unicode TR 36, "Bidirectional Text Spoofing"), and halves of
// surrogate pairs, which are no characters.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu;

/** One line without control characters, at most `maxLength` characters long. */
export function plainText(text: string, maxLength = 500): string {
  const clean = text.replace(UNSAFE, ' ').trim();
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 1).replace(/\p{Cs}$/u, '')}…` : clean;
}

/** `1 tag`, `12 tags`. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `512 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let [amount, unit] = [bytes, 'B'];
  for (const larger of UNITS) {
    // What would be written as 1024.0 is one of the next unit.
    if (amount < (unit === 'B' ? 1024 : 1023.95)) break;
    [amount, unit] = [amount / 1024, larger];
  }
  return `${unit === 'B' ? amount : amount.toFixed(1)} ${unit}`;
}

/** A table as text. @param numbers the columns that are aligned to the right, counted from 0 */
export function alignColumns(table: readonly (readonly string[])[], numbers: readonly number[]): string {
  const widths: number[] = [];
  for (const line of table)
    for (const [column, text] of line.entries()) widths[column] = Math.max(widths[column] ?? 0, text.length);
  const pad = (text: string, column: number) =>
    numbers.includes(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return table.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}
