/** Every command, for help and meaning. */

interface VerbDefinition {
  readonly describe: string;
  /** The words that may follow it, for `--help`, and how many; none unless given. */
  readonly words?: { readonly usage: string; readonly most: number };
}

const definitions = {
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

export type Verb = keyof typeof definitions;

export const verbDefinitions: Readonly<Record<Verb, VerbDefinition>> = definitions;
export const verbs = Object.keys(definitions) as readonly Verb[];

export function isVerb(word: string): word is Verb {
  return Object.hasOwn(definitions, word);
}
