/** The registry's garbage collector, run inside the registry's own pods. */
import { readFileSync } from 'node:fs';
import { RefusedError, RegistryError } from '../../domain/errors.ts';
import type { Digest } from '../../domain/names.ts';
import { plainText } from '../../domain/text.ts';
import type { GarbageCollector, RegistryPlace, ShellSession } from '../../ports.ts';
import { lacksProgram } from './exec-status.ts';
import type { CommandResult, RegistryShell } from './registry-shell.ts';

const SCRIPT = readFileSync(new URL('./collector.sh', import.meta.url), 'utf8').replace(/^\s*#.*\n/gm, '');
/** Exit statuses of the script; it says what they mean. */
const NO_FILES = 3;
const NOT_FOUND = 5;
const NOT_READ_ONLY = 6;
const SHELL = 'sh';
const READY = 'docker-registry-cleaner: ready';
const GO = 'go\n';

export function createCollector(shell: RegistryShell): GarbageCollector {
  async function run(
    place: RegistryPlace,
    words: readonly string[],
    signal: AbortSignal,
  ): Promise<CommandResult> {
    return await explained(place, () => shell.run(place, argv(words), signal));
  }

  /** The output of a command that has to go well; `undefined` where there are no files to look at. */
  async function look(
    place: RegistryPlace,
    words: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const result = await run(place, words, signal);
    if (result.status === NO_FILES) return undefined;
    if (result.status !== 0) throw failed(place, words[0] ?? '', result);
    return result.output.split('\n').filter((line) => line !== '');
  }

  return {
    async inspect(place, signal) {
      const result = await run(place, ['inspect'], signal);
      if (result.status === NOT_FOUND) throw notFound(place, result.errors);
      if (result.status !== 0) throw failed(place, 'inspect', result);
      const fields = Map.groupBy(result.output.split('\n'), (line) => line.slice(0, line.indexOf('=')));
      const all = (name: string) => (fields.get(name) ?? []).map((line) => line.slice(name.length + 1));
      const [program, configuration] = [all('program')[0], all('configuration')[0]];
      if (!program || !configuration) throw failed(place, 'inspect', result);
      return {
        program,
        configuration,
        readOnlyVariables: all('variable'),
        inFiles: all('root').length > 0,
        cache: all('cache')[0] ?? '',
      };
    },

    async uploads(place, withinMinutes, signal) {
      const lines = await look(place, ['uploads', String(withinMinutes)], signal);
      const of = (kind: string) =>
        (lines ?? []).flatMap((line) => (line.startsWith(kind) ? line.slice(kind.length) : []));
      return lines && { open: of('open='), blobs: new Set(of('blob=').map(digestOf)) };
    },

    async blobs(place, signal) {
      const lines = await look(place, ['blobs'], signal);
      if (lines === undefined) return undefined;
      const sizes = new Map<Digest, number>();
      for (const line of lines) {
        const [size, hex = ''] = line.split(' ');
        sizes.set(digestOf(hex), Number(size));
      }
      return sizes;
    },

    async usedBytes(place, signal) {
      const [kibibytes] = (await look(place, ['used'], signal)) ?? [];
      return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
    },

    async start(place, { dryRun, requireLeave }, signal) {
      const words = ['garbage-collect', ...(dryRun ? ['--dry-run'] : [])];
      const session = await explained(place, () => shell.open(place, argv(words), signal));
      const lines = linesOf(session);
      const first = await lines.next();
      if (first.value !== READY) throw await refusal(place, session);
      try {
        requireLeave();
      } catch (error) {
        // Without the word it does not start, and it is ended with whatever else may run there.
        session.close();
        throw error;
      }
      await session.write(GO);
      return { lines, exit: session.exit, errors: () => session.errors() };
    },

    async count(place, signal) {
      return Number((await look(place, ['count'], signal))?.[0]);
    },

    async end(place, signal) {
      await look(place, ['end'], signal);
    },
  };
}

/** `$0` names the program in the registry's list of processes. */
function argv(words: readonly string[]): readonly string[] {
  return [SHELL, '-c', SCRIPT, 'docker-registry-cleaner', ...words];
}

/** An image without a shell, such as a distroless one, is none where trying again helps. */
async function explained<T>(place: RegistryPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RegistryError) || !lacksProgram(error.message, SHELL)) throw error;
    throw new RefusedError(`There is no shell in ${where(place)}, which garbage is collected with.`, {
      next: 'Collect it by hand (README, "Garbage by hand"), or use an image of the registry that has a shell.',
      cause: error,
    });
  }
}

async function refusal(place: RegistryPlace, session: ShellSession): Promise<Error> {
  const result = { status: await session.exit, output: '', errors: session.errors() };
  if (result.status === NOT_FOUND) return notFound(place, result.errors);
  if (result.status === NOT_READ_ONLY)
    return new RefusedError(`The registry in ${where(place)} is not read-only: no garbage was collected.`, {
      next: 'Find out what keeps it writable (REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED?), then start again.',
    });
  return failed(place, 'garbage-collect', result);
}

function notFound(place: RegistryPlace, errors: string): RefusedError {
  return new RefusedError(
    `It cannot be told which registry serves in ${where(place)}: ${plainText(errors, 300).trim()}.`,
    { next: "If that is not the registry's container, name it with --registry-container." },
  );
}

function failed(place: RegistryPlace, verb: string, { status, errors }: CommandResult): RegistryError {
  const why = plainText(errors, 300).trim();
  return new RegistryError(`In ${where(place)} the command "${verb}" ended with ${status}: ${why}`, {
    failure: 'other',
  });
}

function where({ pod, container }: RegistryPlace): string {
  return `container ${container} of pod ${pod.name}`;
}

function digestOf(hex: string): Digest {
  return `sha256:${hex}` as Digest;
}

async function* linesOf({ output }: ShellSession): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of output) {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
