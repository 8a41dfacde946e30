/** HTML as a value of its own, so that text cannot get into a page without being escaped. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A piece of a page. Only this file makes one. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}
export type Html = Markup;

type Value = Html | string | number | undefined | readonly Value[];

/** Text is escaped, for content and for quoted attributes; lists are joined, and `undefined` is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Markup(
    parts.map((part, index) => (index === 0 ? part : written(values[index - 1]) + part)).join(''),
  );
}

function written(value: Value): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(written).join('');
  return String(value).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** A file of this program that goes into an element as it is: a style sheet or a script. */
export function verbatim(text: string): Html {
  if (/<[/!]/.test(text)) throw new Error('It would end its element.');
  return new Markup(text);
}

/** JSON that cannot end the element that it stands in, and is no markup. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
