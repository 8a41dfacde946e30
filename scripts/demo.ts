/**
 * `npm run demo`: the main job from beginning to end, on a registry and a small cluster of this machine's own. Everything
 * is removed again, but for a copy of the report where one is asked for: `npm run demo -- --report FILE`.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { $, chalk } from 'zx';
import { endOfLife } from './sandbox/end-of-life.ts';
import { type Sandbox, startSandbox } from './sandbox/index.ts';
import { contentOfRegistry } from './sandbox/registry/content.ts';

/** The program that is demonstrated has failed, and said why. */
class DemoError extends Error {}

const PROJECT = resolve(import.meta.dirname, '..');
const startedAt = Date.now();
const report = wantedReport();

const life = endOfLife();
const folder = await mkdtemp(join(tmpdir(), 'docker-registry-cleaner-demo-'));
try {
  tell('A small Kubernetes cluster with a registry is started on this machine, and filled.');
  const sandbox = await startSandbox({ environments: 6, revisions: 10, legacy: 3 }, { signal: life });
  try {
    await show(sandbox);
  } finally {
    await sandbox.stop();
  }
  tell(`Everything is stopped and removed. The demo took ${Math.round((Date.now() - startedAt) / 1000)} s.`);
} catch (error) {
  if (!life.aborted && !(error instanceof DemoError)) throw error;
  if (error instanceof DemoError) console.error(error.message);
  else tell('The demo was interrupted. Everything is stopped and removed; there is nothing to resume.');
  process.exitCode = life.aborted ? 130 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function show(sandbox: Sandbox): Promise<void> {
  await tellContent(sandbox, 'The registry holds:');
  tell('The environments file says which revisions to retain:');
  console.log(indent(await readFile(sandbox.environments, 'utf8')));

  tell('First a plan. Nothing is changed yet; an administrator would read the lists and may strike lines.');
  await clean(sandbox, []);
  tell('Now the same run goes on, and deletes.');
  await clean(sandbox, ['--resume', '--delete', '--yes']);

  await tellContent(sandbox, 'What is left:');
  if (report !== undefined) tell(`The report, to look at in a browser: ${report}`);
}

/** Where a copy of the report is wanted, as seen from where the person is. */
function wantedReport(): string | undefined {
  try {
    const { report } = parseArgs({ options: { report: { type: 'string' } } }).values;
    return report === undefined ? undefined : resolve(process.env.INIT_CWD ?? process.cwd(), report);
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\nUsage: npm run demo -- [--report FILE]`,
    );
    process.exit(2);
  }
}

/** Runs the program as an administrator would. */
async function clean(sandbox: Sandbox, words: readonly string[]): Promise<void> {
  life.throwIfAborted();
  const places = ['--kubeconfig', sandbox.kubeconfig, '--registry', sandbox.registry];
  const files = ['--environments', sandbox.environments, '--state-dir', join(folder, 'state')];
  if (report !== undefined) files.push('--report', report);
  console.log(
    chalk.bold(`$ npm run clean -- ${words.join(' ')}`.trimEnd()),
    chalk.dim('(and where the sandbox is)'),
  );
  const { exitCode } = await $({
    cwd: PROJECT,
    stdio: 'inherit',
    verbose: false,
    nothrow: true,
  })`${process.execPath} src/cli.ts ${places} ${files} ${words}`;
  life.throwIfAborted();
  if (exitCode !== 0) throw new DemoError(`The program ended with exit code ${exitCode}.`);
}

async function tellContent(sandbox: Sandbox, heading: string): Promise<void> {
  tell(heading);
  for (const { repository, tags } of await contentOfRegistry(sandbox)) {
    const digests = new Set(tags.map(({ digest }) => digest)).size;
    console.log(`  ${repository}: ${tags.length} tags on ${digests} manifests`);
  }
}

function tell(text: string): void {
  console.log(`\n${chalk.cyan(text)}`);
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '  ');
}
