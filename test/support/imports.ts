/** What a TypeScript file imports, found without a parser. The rules over it are in `architecture.ts`. */

/** One import of a file, static or dynamic. */
export interface Import {
  /** As written; `undefined` for a dynamic import of something that is computed. */
  readonly specifier: string | undefined;
  /** Erased before the program runs: `import type`, and `typeof import(…)`. */
  readonly typeOnly: boolean;
}

// Strings come first, so that a `//` within one begins no comment.
const STRING_OR_COMMENT =
  /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const STATIC =
  /(?<![.\w$])(?:import|export)\s+(?<type>type\s+(?!from\b)(?=[\w{*]))?(?:[\w$*{},\s]|'[^'\n]*'\s+as\s)*?(?:\bfrom\s*)?(?<quote>['"])(?<specifier>[^'"\n]*)\k<quote>/g;
const DYNAMIC =
  /(?<typeOf>\btypeof\s+)?(?<![.\w$])(?:import|require)\s*\(\s*(?:(?<quote>['"`])(?<specifier>[^'"`\n$]*)\k<quote>\s*[,)])?/g;

/** All imports of a source, in no particular order. */
export function importsOf(source: string): Import[] {
  const dynamic = [...withoutComments(source).matchAll(DYNAMIC)].map(({ groups }) => ({
    specifier: groups?.specifier,
    typeOnly: groups?.typeOf !== undefined,
  }));
  return [...staticImports(source), ...dynamic];
}

/** What is loaded as soon as the file is. With `verbatimModuleSyntax`, only whole `import type`s are erased. */
export function loadedBy(source: string): string[] {
  return staticImports(source)
    .filter(({ typeOnly }) => !typeOnly)
    .map(({ specifier }) => specifier);
}

function staticImports(source: string): { specifier: string; typeOnly: boolean }[] {
  return [...withoutComments(source).matchAll(STATIC)].map(({ groups }) => ({
    specifier: groups?.specifier ?? '',
    typeOnly: groups?.type !== undefined,
  }));
}

export function withoutComments(source: string): string {
  return source.replace(STRING_OR_COMMENT, (_, string: string | undefined) => string ?? ' ');
}
