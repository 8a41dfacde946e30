/** What the command line says. */
import leven from 'leven';
import yargs, { type Options as YargsOption } from 'yargs';
import { UsageError } from '../domain/errors.ts';
import { type OptionDefinition, type OptionName, optionDefinitions } from '../options/definitions.ts';
import type { RawOptions } from '../options/values.ts';
import { EXIT_CODES } from './ending.ts';

/** A command. */
interface VerbDefinition {
  readonly describe: string;
  /** The words that may follow it, for `--help`, and how many; none unless given. */
  readonly words?: { readonly usage: string; readonly most: number };
}

const verbs = {
  clean: {
    words: { usage: '[PASSWORD]', most: 1 },
    describe: 'list, plan, stop for review; with --delete, delete (the default)',
  },
  scan: {
    describe:
      'tell how much each environment takes, and what keeping its newest revisions would bring; changes nothing',
  },
  status: { describe: 'tell what is going on, or was left, here and in the cluster; changes nothing' },
  recover: { describe: "put the registry's setting back after a run that could not, and remove its pod" },
  reclaim: {
    describe: "collect the registry's garbage, which frees the space of what was deleted; does nothing else",
  },
  undo: {
    words: { usage: '[RUN] [ENVIRONMENT …]', most: Number.POSITIVE_INFINITY },
    describe: 'put back what the last run, or another one, has deleted: all of it, or of some environments',
  },
  history: {
    words: { usage: '[RUN]', most: 1 },
    describe: 'list the runs of the state folder, or what one of them has done; asks no cluster',
  },
} as const satisfies Readonly<Record<string, VerbDefinition>>;
/** How the registry's password is given. */
const PASSWORD =
  "The registry's password is taken from the variable SKOPEO_PASSWORD, else from an argument (npm run clean -- PASSWORD; others can read it there), else from the Secret in the cluster.";
const VARIABLES =
  'Each option can also be given as a variable: REGISTRY_CLEANER_STATE_DIR stands for --state-dir. An option outranks its variable.';

type Verb = keyof typeof verbs;

export interface Command {
  readonly verb: Verb;
  /** The words behind the verb, but for the password. */
  readonly words: readonly string[];
  readonly flags: RawOptions;
  readonly password: string | undefined;
}

/** `undefined` when help or the version was printed. */
export function parse(argv: readonly string[]): Command | undefined {
  const parser = yargs()
    .scriptName('npm run clean --')
    .usage('Usage: $0 [COMMAND] [options]')
    .command(
      Object.entries<VerbDefinition>(verbs).map(([command, { describe, words }]) => ({
        command,
        describe: words === undefined ? describe : `${words.usage}: ${describe}`,
        handler() {},
      })),
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
    .epilogue(`${PASSWORD}\n\n${VARIABLES}\n\n${EXIT_CODES}`)
    .help()
    .alias('help', 'h')
    .version()
    .wrap(Math.min(100, process.stdout.columns ?? 80))
    .exitProcess(false)
    .fail((message, error) => {
      throw new UsageError(message || error.message, { next: 'See --help.', cause: error });
    });
  const parsed = parser.parseSync([...argv]) as Record<string, unknown> & { _: (string | number)[] };
  if (parsed.help === true || parsed.version === true) return undefined;
  const { _: words, $0: _script, help: _help, h: _h, version: _version, ...flags } = parsed;
  requireKnown(Object.keys(flags));
  const read = readWords(words.map(String));
  requireFitting(read.verb, Object.keys(flags) as OptionName[]);
  return { ...read, flags: flags as RawOptions };
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
    // Whoever writes --no-delete does not mean --delete.
    const near =
      closest !== undefined &&
      !name.startsWith('no-') &&
      leven(closest, name) <= Math.max(2, name.length / 3);
    throw new UsageError(`There is no option --${name}.`, {
      next: near ? `Did you mean --${closest}?` : 'See --help.',
    });
  }
}

/** Options of one verb only. Forgotten, it must not be another one that is carried out. */
function requireFitting(verb: Verb, given: readonly OptionName[]): void {
  for (const name of given) {
    const { verb: only } = optionDefinitions[name] as OptionDefinition;
    if (only !== undefined && only !== verb)
      throw new UsageError(`--${name} belongs to ${only}.`, { next: `npm run clean -- ${only} --${name} …` });
  }
}

function readWords(words: readonly string[]): Pick<Command, 'verb' | 'words' | 'password'> {
  const [first = 'clean', ...more] = words;
  const isVerb = Object.hasOwn(verbs, first);
  if (!isVerb) requireNoMistypedVerb(first);
  const [verb, behind] = isVerb ? [first as Verb, more] : (['clean', words] as const);
  const { words: known } = verbs[verb] as VerbDefinition;
  if (behind.length > (known?.most ?? 0)) throw tooMany();
  if (verb !== 'clean') return { verb, words: behind, password: undefined };
  const [password] = behind;
  if (password !== undefined) requirePassword(password);
  return { verb, words: [], password };
}

function requireNoMistypedVerb(word: string): void {
  // Of a short one, two letters are half of it: that may well be a password.
  const verb = Object.keys(verbs).find((each) => leven(each, word) <= (each.length > 4 ? 2 : 1));
  if (verb !== undefined)
    throw new UsageError(`"${word}" looks like a mistyped "${verb}".`, {
      next: 'If it is the password, set SKOPEO_PASSWORD instead.',
    });
}

/** An option without its dashes is hardly a password, and what it asks for must not silently be left undone. */
function requirePassword(word: string): void {
  if (word === '')
    throw new UsageError('The password on the command line is empty.', {
      next: 'Leave it out, or set SKOPEO_PASSWORD.',
    });
  if (Object.hasOwn(optionDefinitions, word))
    throw new UsageError(`"${word}" is an option without its dashes: did you mean --${word}?`, {
      next: 'If it is the password, set SKOPEO_PASSWORD instead.',
    });
}

/** Does not repeat the words: one of them may be the password. */
function tooMany(): UsageError {
  return new UsageError('There are too many words on the command line.', {
    next: 'Beside a command and its own words only the password may be given, and SKOPEO_PASSWORD is better. See --help.',
  });
}

/** Whether the person wants JSON; known even where the rest of the command line cannot be understood. */
export function wantsJson(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const given = argv.flatMap((word, index) => {
    if (word.startsWith('--output=')) return [word.slice('--output='.length)];
    return word === '--output' ? [argv[index + 1]] : [];
  });
  return given.length > 0 ? given.includes('json') : environment.REGISTRY_CLEANER_OUTPUT === 'json';
}
