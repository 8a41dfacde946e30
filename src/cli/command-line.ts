/** What the command line says. */
import leven from 'leven';
import yargs, { type Argv, type Options as YargsOption } from 'yargs';
import { UsageError } from '../domain/errors.ts';
import { definitionOf, type OptionDefinition, type OptionName, optionNames } from '../options/definitions.ts';
import type { RawOptions } from '../options/values.ts';
import { isVerb, type Verb, verbDefinitions, verbs } from '../options/verbs.ts';
import { EXIT_CODES } from './ending.ts';
import { listed, requireFitting } from './fitting.ts';

/** How the registry's password is given. */
const PASSWORD =
  "The registry's password is taken from the variable SKOPEO_PASSWORD, else from an argument (npm run clean -- PASSWORD; others can read it there), else from the Secret in the cluster.";
const VARIABLES =
  'Each option can also be given as a variable: REGISTRY_CLEANER_STATE_DIR stands for --state-dir. An option outranks its variable. An option that asks for what the command does not do is an error; a variable is passed over.';
const MORE = 'What goes with a command: npm run clean -- COMMAND --help';

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
      verbs.map((command) => ({
        command,
        describe: describeVerb(command),
        builder: (own: Argv) => own.options(yargsOptions(command)),
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
    .options(yargsOptions())
    .epilogue(`${MORE}\n\n${PASSWORD}\n\n${VARIABLES}\n\n${EXIT_CODES}`)
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

function describeVerb(verb: Verb): string {
  const { describe, words } = verbDefinitions[verb];
  return words === undefined ? describe : `${words.usage}: ${describe}`;
}

/** @param verb the command whose help shows only what goes with it; `undefined`: the help on all commands */
function yargsOptions(verb?: Verb): Record<string, YargsOption> {
  return Object.fromEntries(optionNames.map((name) => [name, yargsOption(definitionOf(name), verb)]));
}

function yargsOption(definition: OptionDefinition, verb: Verb | undefined): YargsOption {
  const { goesWith, value, describe } = definition;
  const others = verb === undefined && !goesWith.includes('clean') ? `with ${listed(goesWith)}` : undefined;
  return {
    type: definition.type === 'boolean' ? 'boolean' : definition.type === 'list' ? 'array' : 'string',
    group: `${definition.group}:`,
    describe: [value, others, describe].filter((each) => each !== undefined).join(': '),
    // Each command declares all of them for itself: of one that it did not know, the next word would be taken for the value.
    global: verb !== undefined,
    hidden: verb !== undefined && !goesWith.includes(verb),
    ...(definition.type === 'boolean' ? {} : { requiresArg: true }),
    ...(definition.type === 'list' ? { string: true } : {}),
    ...(definition.choices ? { choices: definition.choices } : {}),
    ...(definition.default ? { defaultDescription: definition.default } : {}),
  };
}

function requireKnown(given: readonly string[]): void {
  for (const name of given) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    const closest = [...optionNames, 'help', 'version'].toSorted(
      (a, b) => leven(a, name) - leven(b, name),
    )[0];
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

function readWords(words: readonly string[]): Pick<Command, 'verb' | 'words' | 'password'> {
  const [first = 'clean', ...more] = words;
  if (!isVerb(first)) requireNoMistypedVerb(first);
  const [verb, behind] = isVerb(first) ? [first, more] : (['clean', words] as const);
  const { words: known } = verbDefinitions[verb];
  if (behind.length > (known?.most ?? 0)) throw tooMany();
  if (verb !== 'clean') return { verb, words: behind, password: undefined };
  const [password] = behind;
  if (password !== undefined) requirePassword(password);
  return { verb, words: [], password };
}

function requireNoMistypedVerb(word: string): void {
  // Of a short one, two letters are half of it: that may well be a password.
  const verb = verbs.find((each) => leven(each, word) <= (each.length > 4 ? 2 : 1));
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
  if ((optionNames as readonly string[]).includes(word))
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
