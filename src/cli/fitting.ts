/** Options that do not go with the command. */
import { UsageError } from '../domain/errors.ts';
import { definitionOf, type OptionName } from '../options/definitions.ts';
import type { Verb } from '../options/verbs.ts';

/**
 * An option that asks for something would be left undone by a command that does not look at it. Not so a variable: it is
 * set once, for the commands that know it.
 *
 * @param given what was written on the command line
 * @throws UsageError
 */
export function requireFitting(verb: Verb, given: readonly OptionName[]): void {
  for (const name of given) {
    const { goesWith, asks } = definitionOf(name);
    if (!asks || goesWith.includes(verb)) continue;
    throw new UsageError(`--${name} goes with ${listed(goesWith)}, not with ${called(verb)}.`, {
      next: `Leave it out${otherwise(name, verb)}`,
    });
  }
}

/** What else there is to do about an option that does not go with a command. */
function otherwise(name: OptionName, verb: Verb): string {
  const { goesWith, type } = definitionOf(name);
  const [only, ...others] = goesWith;
  if (others.length > 0) return `. What goes with ${called(verb)}: npm run clean -- ${verb} --help`;
  const words = [...(only === 'clean' ? [] : [only]), `--${name}`, ...(type === 'boolean' ? [] : ['…'])];
  return `, or use it there: npm run clean -- ${words.join(' ')}`;
}

/** `a run, scan and undo`. */
export function listed(some: readonly Verb[]): string {
  const names = some.map(called);
  return [names.slice(0, -1).join(', '), ...names.slice(-1)].filter((each) => each !== '').join(' and ');
}

function called(verb: Verb): string {
  return verb === 'clean' ? 'a run' : verb;
}
