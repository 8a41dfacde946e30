/**
 * The command line: parses, calls, and maps an error's class to a message and an exit code. Nothing else sets an exit
 * code. Heavy libraries are loaded only when a command really runs, so that `--help` answers at once.
 */
import { constants } from 'node:os';
import leven from 'leven';
import yargs, { type Options as YargsOption } from 'yargs';
import type { Tally } from './commands/world.ts';
import {
  CleanerError,
  InterruptedError,
  RefusedError,
  RestoreError,
  StorageError,
  UnreachableError,
  UsageError,
} from './domain/errors.ts';
import { noFigures, type Summary } from './domain/outcome.ts';
import { type OptionDefinition, type OptionName, optionDefinitions, type RawOptions } from './options.ts';
import type { Person } from './ports.ts';

const EXIT_CODES = `Exit codes:
    0  done
    1  a defect of the program
    2  bad input or usage; nothing was touched
    3  finished, but something could not be deleted
    4  refused, to keep something safe
    5  the cluster or the registry could not be reached or said no, or a
       setting could not be put back (this outranks every other)
    6  local storage failed
  128+n  ended by signal n`;

const verbs = {
  clean: 'List, plan, stop for review; with --delete, delete',
  recover: "Put the registry's setting back after a run that could not, and remove its pod",
} as const;
type Verb = keyof typeof verbs;

interface Command {
  readonly verb: Verb;
  readonly flags: RawOptions;
  readonly password: string | undefined;
}

async function main(argv: readonly string[]): Promise<void> {
  const startedAt = performance.now();
  const wantsJson = argv.some(
    (word, index) => word === '--output=json' || (word === 'json' && argv[index - 1] === '--output'),
  );
  const ending: Ending = { person: undefined, tally: undefined, error: undefined, failed: 0 };
  try {
    const command = parse(argv);
    if (command === undefined) return;
    await run(command, ending);
  } catch (error) {
    ending.error = error;
  }
  const exitCode = exitCodeOf(ending);
  const summary = summarise(ending, exitCode, Math.round(performance.now() - startedAt));
  const { tally } = ending;
  if (tally !== undefined && summary.planned + summary.retained > 0)
    ending.person?.closing(summary, { folder: tally.folder, open: tally.open() });
  if (ending.error !== undefined) process.stderr.write(explain(ending.error));
  if (wantsJson) process.stdout.write(`${JSON.stringify(summary)}\n`);
  process.exitCode = exitCode;
}

interface Ending {
  person: Person | undefined;
  tally: Tally | undefined;
  error: unknown;
  /** Tags that could not be deleted. */
  failed: number;
}

async function run(command: Command, ending: Ending): Promise<void> {
  const { compose } = await import('./compose.ts');
  const composed = compose(command);
  ending.person = composed.world.person;
  try {
    if (command.verb === 'recover') {
      const { recover } = await import('./commands/recover.ts');
      await recover(composed.world);
      return;
    }
    const { Tally } = await import('./commands/world.ts');
    const { clean } = await import('./commands/clean.ts');
    ending.tally = new Tally();
    ending.failed = (await clean(composed.world, ending.tally)).failed;
  } finally {
    await composed.close();
  }
}

/** `undefined` when help or the version was printed. */
function parse(argv: readonly string[]): Command | undefined {
  const parser = yargs()
    .scriptName('npm run clean --')
    .usage(
      `Usage: npm run clean -- [options]\n       npm run clean -- recover [options]\n\n${describeVerbs()}`,
    )
    .parserConfiguration({
      'camel-case-expansion': false,
      'boolean-negation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'dot-notation': false,
      'greedy-arrays': false,
    })
    .options(
      Object.fromEntries(
        Object.entries(optionDefinitions).map(([name, definition]) => [name, yargsOption(definition)]),
      ),
    )
    .epilogue(EXIT_CODES)
    .help()
    .alias('help', 'h')
    .version()
    .wrap(Math.min(100, process.stdout.columns ?? 80))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message, { next: 'See --help.' });
    });
  const parsed = parser.parseSync([...argv]) as Record<string, unknown> & { _: (string | number)[] };
  if (parsed.help === true || parsed.version === true) return undefined;
  const { _: words, $0: _script, help: _help, h: _h, version: _version, ...flags } = parsed;
  requireKnown(Object.keys(flags));
  return { ...verbAndPassword(words.map(String)), flags: flags as RawOptions };
}

function describeVerbs(): string {
  return Object.entries(verbs)
    .map(([verb, what]) => `  ${verb.padEnd(9)}${what}`)
    .join('\n')
    .replace('  clean    ', '  (none)   ');
}

function yargsOption(definition: OptionDefinition): YargsOption {
  return {
    type: definition.type === 'boolean' ? 'boolean' : definition.type === 'list' ? 'array' : 'string',
    group: `${definition.group}:`,
    describe: definition.value ? `${definition.value}: ${definition.describe}` : definition.describe,
    ...(definition.type === 'boolean' ? {} : { requiresArg: true }),
    ...(definition.type === 'list' ? { string: true } : {}),
    ...(definition.choices ? { choices: definition.choices } : {}),
    ...(definition.default ? { defaultDescription: definition.default } : {}),
  };
}

function requireKnown(given: readonly string[]): void {
  const known = Object.keys(optionDefinitions) as OptionName[];
  for (const name of given) {
    if ((known as string[]).includes(name)) continue;
    const closest = known.toSorted((a, b) => leven(a, name) - leven(b, name))[0];
    const near = closest !== undefined && leven(closest, name) <= Math.max(2, name.length / 3);
    throw new UsageError(`There is no option --${name}.`, {
      next: near ? `Did you mean --${closest}?` : 'See --help.',
    });
  }
}

function verbAndPassword(words: readonly string[]): { verb: Verb; password: string | undefined } {
  const [first, ...more] = words;
  if (first === undefined) return { verb: 'clean', password: undefined };
  if (Object.hasOwn(verbs, first)) {
    if (more.length > 0 && first !== 'clean') throw tooMany();
    return { verb: first as Verb, password: more[0] };
  }
  const verb = Object.keys(verbs).find((each) => leven(each, first) <= 2);
  if (verb !== undefined)
    throw new UsageError(`"${first}" looks like a mistyped "${verb}".`, {
      next: 'If it is the password, set SKOPEO_PASSWORD instead.',
    });
  if (more.length > 0) throw tooMany();
  return { verb: 'clean', password: first };
}

/** Does not repeat the words: one of them may be the password. */
function tooMany(): UsageError {
  return new UsageError('There are too many words on the command line.', {
    next: 'Only the password may be given without an option name, and SKOPEO_PASSWORD is better. See --help.',
  });
}

function exitCodeOf({ error, failed }: Ending): number {
  if (error === undefined) return failed > 0 ? 3 : 0;
  if (error instanceof RestoreError) return 5;
  if (error instanceof UsageError) return 2;
  if (error instanceof RefusedError) return 4;
  if (error instanceof UnreachableError) return 5;
  if (error instanceof StorageError) return 6;
  if (error instanceof InterruptedError) return 128 + constants.signals[error.signal];
  return 1;
}

function explain(error: unknown): string {
  if (error instanceof CleanerError)
    return `\n${error.message}\n${error.next === '' ? '' : `${error.next}\n`}`;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `\nThis is a defect of the program. Please report it with these lines:\n${detail}\n`;
}

function summarise({ tally }: Ending, exitCode: number, durationMs: number): Summary {
  return {
    event: 'summary',
    mode: tally?.mode ?? 'plan',
    exitCode,
    environments: tally?.environments ?? 0,
    ...(tally?.figures() ?? noFigures),
    resumed: tally?.resumed ?? false,
    durationMs,
  };
}

await main(process.argv.slice(2));
