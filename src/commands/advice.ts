/** What a person is told to do next, with the options that say where. */
import type { Options } from '../options.ts';

/** The options that name a cluster and a workload in it, with what they are when they are not given. */
const where = {
  kubeconfig: undefined,
  context: undefined,
  namespace: 'domino-platform',
  registryWorkload: 'docker-registry',
  registryContainer: undefined,
} as const satisfies Partial<Record<keyof Options, string | undefined>>;

type Where = Pick<Options, keyof typeof where>;

/** The command that puts the registry right, for the same cluster and workload as this start. To be copied. */
export function recoverCommand(options: Where): string {
  return command(['recover'], options);
}

/** The command that puts back what a run has deleted, there. */
export function undoCommand(options: Where, run: string): string {
  return command(['undo', run], options);
}

function command(words: readonly string[], options: Where): string {
  const given = (Object.keys(where) as (keyof typeof where)[]).flatMap((key) => {
    const value = options[key];
    if (value === undefined || value === where[key]) return [];
    return [`--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, quoted(value)];
  });
  return ['npm run clean --', ...words, ...given].join(' ');
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
