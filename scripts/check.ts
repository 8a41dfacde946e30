// What `npm test` runs: formatting, lint, types, unused code, then the tests. See HELP.

import { globSync, statSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { resolve } from 'node:path';
import { $, type ProcessPromise } from 'zx';

const HELP = `Usage: npm test [-- [OPTION …] [FILE or FOLDER …]]

Without arguments everything is checked: formatting and lint (biome), types (tsc), unused code (knip), and
every test/**/*.test.ts. What fails is named; the rest is run all the same.

With arguments only tests are run: those in the named files and folders, or all of them. Options are passed
to Node's test runner and are written in one word: npm test -- --test-name-pattern='twins' test/domain

Exit codes: 0 everything is in order, 1 something failed, 2 wrong usage, 128 + signal when interrupted.`;

const LINTERS = [
  { title: 'formatting and lint', command: ['biome', 'ci'] },
  { title: 'types', command: ['tsc', '--project', '.'] },
  { title: 'unused code', command: ['knip', '--no-progress'] },
];

/** Test files that run at once, for each processor: about half of their time is waiting for other programs. */
const FILES_AT_ONCE = 2;

/** Ends a test file that hangs; the slowest of them, on two busy cores, needs a fraction of it. */
const TEST_FILE_TIMEOUT_MS = 20 * 60 * 1000;

/**
 * Where Node keeps what it has compiled, for the tests and for every program that they start: there are hundreds, and
 * each would otherwise compile the same modules again.
 */
const COMPILE_CACHE = resolve(import.meta.dirname, '../node_modules/.cache/compiled');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs programs of node_modules/.bin and passes signals on to them and to all that they have started. */
class Programs {
  readonly #running = new Set<ProcessPromise>();
  signal: (typeof SIGNALS)[number] | undefined;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.#interrupt(signal));
  }

  #interrupt(signal: (typeof SIGNALS)[number]): void {
    this.signal ??= signal;
    for (const { pid } of this.#running) if (pid !== undefined) killGroup({ pid, signal });
  }

  /** `show` sends the output straight to ours; otherwise it is kept for the caller. */
  async run(command: readonly string[], { output }: { output: 'show' | 'keep' }) {
    const startedAt = performance.now();
    const stream = output === 'show' ? 'inherit' : 'pipe';
    const program = $({
      preferLocal: true,
      detached: true,
      nothrow: true,
      quiet: true,
      stdio: ['ignore', stream, stream],
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env },
    })`exec ${command}`;
    this.#running.add(program);
    const result = await program;
    this.#running.delete(program);
    return {
      isOk: result.exitCode === 0,
      text: result.stdall,
      seconds: (performance.now() - startedAt) / 1000,
    };
  }
}

function killGroup({ pid, signal }: { pid: number; signal: NodeJS.Signals }): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has just ended.
  }
}

/** @returns the titles of those that failed */
async function lint(programs: Programs): Promise<string[]> {
  const results = await Promise.all(
    LINTERS.map(async ({ title, command }) => {
      const { isOk, text, seconds } = await programs.run(command, { output: 'keep' });
      console.log(`${isOk ? '✔' : '✖'} ${title} (${seconds.toFixed(1)} s)`);
      if (!isOk) console.log(text);
      return { title, isOk };
    }),
  );
  return results.filter(({ isOk }) => !isOk).map(({ title }) => title);
}

/** @returns the test files that the paths mean, or undefined if one of them means none */
function findTests(paths: readonly string[]): string[] | undefined {
  const files = paths.map((path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() ? globSync(`${path}/**/*.test.ts`) : globSync(path);
  });
  return files.some((found) => found.length === 0) ? undefined : [...new Set(files.flat())].sort();
}

async function test({
  programs,
  files,
  options,
}: {
  programs: Programs;
  files: string[];
  options: string[];
}) {
  const { isOk } = await programs.run(
    [
      'node',
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${FILES_AT_ONCE * availableParallelism()}`,
      `--test-timeout=${TEST_FILE_TIMEOUT_MS}`,
      ...options,
      ...files,
    ],
    { output: 'show' },
  );
  return isOk ? [] : ['tests'];
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  const options = args.filter((argument) => argument.startsWith('-'));
  const paths = args.filter((argument) => !argument.startsWith('-'));
  const files = findTests(paths.length > 0 ? paths : ['test']);
  if (files === undefined) {
    console.error(`No test found in one of: ${paths.join(' ') || 'test'}. See npm test -- --help`);
    return 2;
  }
  const programs = new Programs();
  const failures = args.length === 0 ? await lint(programs) : [];
  if (!programs.signal) failures.push(...(await test({ programs, files, options })));
  if (programs.signal) return 128 + constants.signals[programs.signal];
  if (failures.length > 0) console.error(`✖ failed: ${failures.join(', ')}`);
  return failures.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
