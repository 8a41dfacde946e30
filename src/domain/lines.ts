/** Files that a person writes or edits, one thing a line. */

/** What is wrong on one line. */
export interface LineFault {
  /** From 1. */
  readonly line: number;
  /** The offending text. */
  readonly text: string;
  readonly problem: string;
}

/** All lines, counted from 1. Windows line ends and a byte-order mark are fine. */
export function linesOf(text: string): readonly { readonly line: number; readonly text: string }[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  return lines.map((each, index) => ({ line: index + 1, text: each }));
}

/** The words of every line that has any: blanks and tabs separate them, `#` begins a comment. */
export function wordsByLine(
  text: string,
): readonly { readonly line: number; readonly words: readonly [string, ...string[]] }[] {
  return linesOf(text).flatMap(({ line, text: raw }) => {
    const [first, ...rest] = raw
      // Also past a Unicode line separator, which ends no line here.
      .replace(/#.*$/s, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    return first === undefined ? [] : [{ line, words: [first, ...rest] }];
  });
}
