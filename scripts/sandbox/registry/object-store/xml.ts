const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
const characters = Object.fromEntries(
  Object.entries(entities).map(([character, entity]) => [entity, character]),
);

/** What an element contains: text, other elements by name, or several of a name. */
export type XmlContent =
  | string
  | number
  | boolean
  | { readonly [name: string]: XmlContent | readonly XmlContent[] | undefined };

/** An XML document of one element; what is undefined is left out. */
export function xmlDocument(name: string, content: XmlContent): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(name, content)}`;
}

function element(name: string, content: XmlContent): string {
  return `<${name}>${typeof content === 'object' ? elements(content) : withEntities(String(content))}</${name}>`;
}

function elements(content: Exclude<XmlContent, string | number | boolean>): string {
  const made = Object.entries(content).flatMap(([name, inner]) => {
    if (inner === undefined) return [];
    return [inner].flat().map((one) => element(name, one as XmlContent));
  });
  return made.join('');
}

/** The text of every element of that name, wherever it is. */
export function textsOf(document: string, name: string): string[] {
  const found = document.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'));
  return Array.from(found, ([, text = '']) => withoutEntities(text));
}

function withEntities(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function withoutEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|\w+);/g, (entity, decimal?: string, hex?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return characters[entity] ?? entity;
  });
}
