/** The rules of who may import whom in `src`, as data, and their check. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { type Import, importsOf, withoutComments } from './imports.ts';

/** What the files of one layer may import. */
interface Layer {
  readonly layers: readonly string[];
  /** Layers of which only types may be imported. */
  readonly types?: readonly string[];
  /** Node's own modules; those of `restricted` nevertheless only where that says so. */
  readonly node: boolean;
  readonly libraries: 'none' | 'any';
}

/** cli → options → commands → steps → domain; compose → adapters → ports → domain. */
export const layers: Readonly<Record<string, Layer>> = {
  domain: { layers: ['domain'], node: false, libraries: 'none' },
  ports: { layers: ['domain', 'ports'], node: false, libraries: 'none' },
  steps: { layers: ['domain', 'ports', 'steps'], node: false, libraries: 'none' },
  options: { layers: ['domain', 'options'], node: false, libraries: 'none' },
  adapters: { layers: ['domain', 'ports', 'adapters'], node: true, libraries: 'any' },
  compose: {
    layers: ['domain', 'ports', 'options', 'adapters', 'compose'],
    types: ['commands', 'steps'],
    node: true,
    libraries: 'none',
  },
  commands: {
    layers: ['domain', 'ports', 'steps', 'commands'],
    types: ['options'],
    node: false,
    libraries: 'none',
  },
  cli: { layers: ['domain', 'ports', 'options', 'commands', 'compose', 'cli'], node: true, libraries: 'any' },
};

/** Modules with only one place, by a prefix of the path in `src`. */
const restricted: Readonly<Record<string, RegExp>> = {
  '@kubernetes/client-node': /^adapters\/kubernetes\//,
  'd3-scale': /^adapters\/report\//,
  'd3-shape': /^adapters\/report\//,
  fs: /^adapters\//,
  listr2: /^adapters\//,
  lowdb: /^adapters\//,
  ws: /^adapters\//,
  yargs: /^cli[./]/,
  zx: /^adapters\//,
};

/** What only some files may say, beside imports. */
const words: readonly { readonly pattern: RegExp; readonly allowed: RegExp; readonly what: string }[] = [
  {
    pattern:
      /\bprocess\s*(?:\??\.\s*|\[\s*['"`])(?:exit(?:Code)?|reallyExit|abort)\b|\bexit(?:Code)?\b[^;]*\bfrom\s*['"](?:node:)?process['"]|\{[^}]*\bexit(?:Code)?\b[^}]*\}\s*=\s*process\b/,
    allowed: /^cli[./]/,
    what: 'sets an exit code',
  },
  {
    pattern:
      /\b(?:process|console|globalThis|performance)\s*[.[]|\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\b(?:fetch|setTimeout|setInterval|setImmediate)\s*\(/,
    allowed: /^(?!domain\/)/,
    what: 'is not pure',
  },
];

/** Everything that a file does against the rules, in words. `path` is relative to `src`, with slashes. */
export function violationsOf(path: string, source: string): string[] {
  const layer = layers[layerOf(path)];
  if (layer === undefined) return [`${path} belongs to no layer`];
  const imports = importsOf(source).flatMap((found) => judge(path, layer, found) ?? []);
  const code = withoutComments(source);
  const said = words.filter(({ pattern, allowed }) => pattern.test(code) && !allowed.test(path));
  return [...imports, ...said.map(({ what }) => `${path} ${what}`)];
}

/** The file that a relative import names, relative to `src`; `undefined` for a library or one of Node's modules. */
export function resolveImport(path: string, specifier: string): string | undefined {
  return /^\.\.?\//.test(specifier) ? posix.join(posix.dirname(path), specifier) : undefined;
}

function layerOf(path: string): string {
  return /^([\w-]+)(?:\/|\.ts$)/.exec(path)?.[1] ?? '';
}

function judge(path: string, layer: Layer, { specifier, typeOnly }: Import): string | undefined {
  if (specifier === undefined) return `${path} imports something that is computed`;
  const target = resolveImport(path, specifier);
  if (target === undefined)
    return mayUse(path, layer, specifier) ? undefined : `${path} imports ${specifier}`;
  const targetLayer = layerOf(target);
  const allowed =
    (layer.layers.includes(targetLayer) && isInReach(path, target)) ||
    (typeOnly && layer.types?.includes(targetLayer) === true);
  return allowed ? undefined : `${path} imports ${target}`;
}

/** A library, or one of Node's modules. */
function mayUse(path: string, layer: Layer, specifier: string): boolean {
  if (/^[/#]|^(?!node:)\w+:/.test(specifier)) return false;
  const bare = specifier.replace(/^node:/, '');
  const name = bare.split('/', bare.startsWith('@') ? 2 : 1).join('/');
  const place = restricted[name];
  if (place !== undefined && !place.test(path)) return false;
  return isBuiltin(specifier) ? layer.node : layer.libraries === 'any';
}

/** An adapter knows only the files of its own folder. */
function isInReach(path: string, target: string): boolean {
  const folder = (file: string) => /^adapters\/(?:([^/]+)\/)?/.exec(file)?.[1];
  return !path.startsWith('adapters/') || !target.startsWith('adapters/') || folder(path) === folder(target);
}
