/** Lines of cells, padded to columns two blanks apart. `rightAligned`: the columns of numbers. */
export function alignColumns(
  lines: readonly (readonly string[])[],
  rightAligned: ReadonlySet<number>,
): string {
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const pad = (text: string, column: number) =>
    rightAligned.has(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}
