import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { layers, resolveImport, violationsOf } from './support/architecture.ts';
import { importsOf, loadedBy } from './support/imports.ts';

const SRC = join(import.meta.dirname, '..', 'src');

/** The files of `src` by their paths in it. */
const sources = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[cm]?[jt]sx?$/.test(path))
    .map((path) => [path.replaceAll('\\', '/'), readFileSync(join(SRC, path), 'utf8')]),
);

/** A circle of files, each of which loads the next; empty when there is none. */
function findCircle(files: ReadonlyMap<string, string>): string[] {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): string[] => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
    if (done.has(path)) return [];
    done.add(path);
    for (const specifier of loadedBy(files.get(path) ?? '')) {
      const circle = visit(resolveImport(path, specifier) ?? specifier, [...above, path]);
      if (circle.length > 0) return circle;
    }
    return [];
  };
  for (const path of files.keys()) {
    const circle = visit(path, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe('src', () => {
  it('imports one way only', () => {
    assert.ok(sources.size > 10, 'hardly any file was found');
    assert.deepEqual(
      [...sources].flatMap(([path, source]) => violationsOf(path, source)),
      [],
    );
  });

  it('has no circle of imports at run time', () => {
    assert.deepEqual(findCircle(sources), []);
  });
});

describe('the check of the architecture', () => {
  const violations: Record<string, readonly string[]> = {
    'domain/plan.ts': [
      `import { a } from '../ports.ts';`,
      `import type { A } from '../ports.ts';`,
      `import { a } from '../adapters/clock.ts';`,
      `import fc from 'fast-check';`,
      `import { join } from 'node:path';`,
      `import { join } from 'path';`,
      `import '../steps/delete.ts';`,
      `export * from '../steps/delete.ts';`,
      `export { a } from "../steps/delete.ts";`,
      `import {\n  type A,\n  b,\n} from '../ports.ts';`,
      `import a, * as b from '../ports.ts';`,
      `import { 'a b' as c } from '../ports.ts';`,
      `const a = 1; import { b } from '../ports.ts'`,
      `const a = await import('../ports.ts');`,
      `const a = await import(\`../ports.ts\`);`,
      `const a = import('../' + name);`,
      `const a = import(\`../\${name}.ts\`);`,
      `type A = import('../ports.ts').Registry;`,
      `const a = require('node:fs');`,
      `/* a */ import { a } /* b */ from /* c */ '../ports.ts'; // d`,
      `const a = 'http://x'; import { b } from '../ports.ts';`,
      'const now = Date.now();',
      'const now = new Date();',
      'const a = process.env;',
      'console.log(1);',
      'setTimeout(go, 1);',
    ],
    'ports.ts': [
      `import type { V1Pod } from '@kubernetes/client-node';`,
      `import type { A } from './steps/index.ts';`,
    ],
    'steps/delete.ts': [
      `import { clock } from '../adapters/clock.ts';`,
      `import type { Clock } from '../adapters/clock.ts';`,
      `import { compose } from '../compose.ts';`,
      `import type { Options } from '../options.ts';`,
      `import { setTimeout } from 'node:timers/promises';`,
      `import { Listr } from 'listr2';`,
      'process.exitCode = 1;',
    ],
    'options.ts': [`import yargs from 'yargs';`, `import { run } from './commands/clean.ts';`],
    'adapters/skopeo/lane.ts': [
      `import { a } from '../kubernetes/exec.ts';`,
      `import type { A } from '../kubernetes/exec.ts';`,
      `import { a } from '../clock.ts';`,
      `import { KubeConfig } from '@kubernetes/client-node';`,
      `type A = typeof import('@kubernetes/client-node');`,
      `import { a } from '../../steps/delete.ts';`,
      `import { a } from '../../compose.ts';`,
      `import { a } from '../../../test/support/registry.ts';`,
      `import yargs from 'yargs';`,
      `import { hideBin } from 'yargs/helpers';`,
      'process.exit(1);',
      'process . exit(1);',
      `process['exit'](1);`,
      `import { exit } from 'node:process';`,
      'const { exit } = process;',
    ],
    'adapters/clock.ts': [`import { a } from './skopeo/lane.ts';`],
    'compose.ts': [
      `import { readFileSync } from 'node:fs';`,
      `import { run } from './commands/clean.ts';`,
      `import { steps } from './steps/index.ts';`,
    ],
    'commands/clean.ts': [
      `import { clock } from '../adapters/clock.ts';`,
      `import { parse } from '../options.ts';`,
      `import { readFile } from 'node:fs/promises';`,
      `import { $ } from 'zx';`,
      'process.exitCode ??= 3;',
    ],
    'cli.ts': [
      `import { ask } from './adapters/terminal/person.ts';`,
      `import { deleteTags } from './steps/delete.ts';`,
      `import { demo } from '../scripts/demo.ts';`,
      `import { readFile } from 'fs/promises';`,
      `import { a } from '#inside';`,
      `import { a } from 'file:///etc/passwd';`,
      `import { a } from '/etc/passwd';`,
      `const { $ } = await import('zx');`,
    ],
    'helpers.ts': [''],
    'utils/text.ts': [''],
  };
  for (const [path, planted] of Object.entries(violations))
    for (const source of planted)
      it(`finds in ${path}: ${source.replaceAll('\n', ' ')}`, () =>
        assert.equal(violationsOf(path, source).length, 1));

  const lawful: Record<string, readonly string[]> = {
    'domain/plan.ts': [
      `import type { Tag } from './names.ts';`,
      `/** As in \`import { a } from '../ports.ts'\`. */`,
      `// process.exit(1), import('node:fs')`,
      `const text = 'see "the import of images" from // here';`,
      `const since = new Date(given);`,
      `const exported = 'a'; const imports = ['fs'];`,
    ],
    'ports.ts': [`import type { Tag } from './domain/names.ts';`],
    'steps/delete.ts': [`import { a } from './retry.ts';`, `import type { Clock } from '../ports.ts';`],
    'adapters/kubernetes/workload.ts': [
      `import type { V1Pod } from '@kubernetes/client-node';`,
      `import { a } from './api/client.ts';`,
      `import { readFile } from 'node:fs/promises';`,
      'if (child.exitCode === 0) process.kill(pid);',
    ],
    'compose.ts': [
      `import type { Options } from './options.ts';`,
      `import { clock } from './adapters/clock.ts';`,
    ],
    'commands/clean.ts': [
      `import type { World } from './world.ts';`,
      `import { steps } from '../steps/index.ts';`,
    ],
    'cli.ts': [
      `import yargs from 'yargs';`,
      `import { hideBin } from 'yargs/helpers';`,
      'process.exitCode = 3;',
    ],
  };
  for (const [path, sources] of Object.entries(lawful))
    for (const source of sources)
      it(`finds nothing in ${path}: ${source}`, () => assert.deepEqual(violationsOf(path, source), []));

  it('knows every layer of the design', () => {
    const names = ['adapters', 'cli', 'commands', 'compose', 'domain', 'options', 'ports', 'steps'];
    assert.deepEqual(Object.keys(layers).sort(), names);
  });

  it('misses no import of the sources, which all end their lines alike', () => {
    let seen = 0;
    for (const [path, source] of sources) {
      const found = new Set(importsOf(source).map(({ specifier }) => specifier));
      const statements = source.matchAll(
        /^(?:(?:import|export)\b[^'\n]* |\} )?(?:from|import) '([^']+)';$/gm,
      );
      for (const [statement, specifier] of statements) {
        assert.ok(found.has(specifier), `${path}: ${statement}`);
        seen += 1;
      }
    }
    assert.ok(seen > sources.size, 'hardly any import was seen');
  });

  it('finds a circle, but none of types', () => {
    const circle = new Map([
      ['a.ts', `import { b } from './b.ts';`],
      ['b.ts', `import { c } from './c/c.ts';`],
      ['c/c.ts', `export { a } from '../a.ts';`],
    ]);
    assert.deepEqual(findCircle(circle), ['a.ts', 'b.ts', 'c/c.ts', 'a.ts']);
    assert.deepEqual(findCircle(new Map([...circle, ['c/c.ts', `import type { A } from '../a.ts';`]])), []);
  });
});
