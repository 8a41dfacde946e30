/** Skopeo's log: lines such as `time="…" level=fatal msg="Error parsing image name \"docker://…\": …"`. */

const LINE = /^time="[^"]*" level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)/;
// Go's strconv.Quote, as far as it differs from the letter itself.
const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([0-7]{3})|(.))/g;
const LETTERS: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

export interface LogLine {
  readonly level: string;
  readonly message: string;
}

/** `undefined` for a line that is not of the log. */
export function parseLogLine(line: string): LogLine | undefined {
  const [, level, message] = LINE.exec(line) ?? [];
  if (level === undefined || message === undefined) return undefined;
  return { level, message: message.startsWith('"') ? unquote(message.slice(1, -1)) : message };
}

function unquote(text: string): string {
  return text.replace(
    ESCAPE,
    (_, hex: string, short: string, long: string, octal: string, letter: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      if (letter !== undefined) return LETTERS[letter] ?? letter;
      const code = Number.parseInt(hex ?? short ?? long, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    },
  );
}
