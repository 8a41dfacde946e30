/** What a terminal shows, as HTML. */

/** Select Graphic Rendition (ECMA-48, 8.3.117): those parameters that tmux gives for what the demo prints. */
const COLOURS: Readonly<Record<string, string>> = {
  31: '#f0776d',
  32: '#6cc48f',
  33: '#e0ac33',
  34: '#6aa5e8',
  35: '#c792ea',
  36: '#5fc7d6',
};

interface Look {
  colour: string | undefined;
  bold: boolean;
  dim: boolean;
}

/** The page for some lines of `tmux capture-pane -e`, whose looks go over line ends. */
export function terminalPage(lines: readonly string[]): string {
  const look: Look = { colour: undefined, bold: false, dim: false };
  return `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #161b22; }
pre { display: inline-block; margin: 0; padding: 18px 22px; color: #dfe5ec;
  font: 13px/1.42 "DejaVu Sans Mono", "Liberation Mono", monospace; }
</style><pre>${lines.map((line) => dress(line, look)).join('\n')}</pre>`;
}

/** Changes `look` to what is in force at the end of the line. */
function dress(line: string, look: Look): string {
  const [first = '', ...rest] = line.split('\x1b[');
  return [
    span(first, look),
    ...rest.map((part) => {
      const [, parameters = '', text = ''] = /^([\d;]*)m(.*)$/s.exec(part) ?? [];
      for (const parameter of parameters.split(';')) change(look, parameter);
      return span(text, look);
    }),
  ].join('');
}

function change(look: Look, parameter: string): void {
  if (parameter === '' || parameter === '0')
    Object.assign(look, { colour: undefined, bold: false, dim: false });
  else if (parameter === '1') look.bold = true;
  else if (parameter === '2') look.dim = true;
  else if (parameter === '22') Object.assign(look, { bold: false, dim: false });
  else if (parameter === '39') look.colour = undefined;
  else look.colour = COLOURS[parameter] ?? look.colour;
}

function span(text: string, { colour = 'inherit', bold, dim }: Look): string {
  if (text === '') return '';
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<span style="color:${colour};font-weight:${bold ? 700 : 400};opacity:${dim ? 0.6 : 1}">${escaped}</span>`;
}
