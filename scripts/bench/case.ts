/** One part of the suite, and how its entrants are measured. */
import type { SandboxOptions } from '../sandbox/index.ts';
import type { CaseReport } from './report.ts';
import { inSandbox, type Scene } from './scene.ts';

export interface Bench {
  /** Ends the suite. */
  readonly life: AbortSignal;
  /** How often each entrant is measured. */
  readonly times: number;
  /** The share of the usual number of tags; below 1 to see in a moment whether all works. */
  readonly share: number;
  /** Told what is measured next. */
  readonly onEntrant: (name: string) => void;
}

export interface Case {
  /** A line for `--help`. */
  readonly describe: string;
  run(bench: Bench): Promise<CaseReport>;
}

/** What one measurement found; `ms` is what entrants are compared by. */
export interface Measured {
  readonly ms: number;
}

/** Who or what is measured. */
export interface Entrant<T extends Measured> {
  /** The sandbox that it is measured in; each measurement has one of its own. */
  readonly sandbox: SandboxOptions;
  measure(scene: Scene): Promise<T>;
}

/**
 * Measures each entrant as often as the suite asks for, in turns, so that whatever else the machine is busy with meets
 * all of them alike. Of each the measurement is taken that has as many faster ones as slower ones.
 */
export async function inTurns<T extends Measured, Name extends string>(
  { life, times, onEntrant }: Bench,
  entrants: Readonly<Record<Name, Entrant<T>>>,
): Promise<Record<Name, T>> {
  const names = Object.keys(entrants) as Name[];
  const found = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, T[]>;
  for (let turn = 0; turn < times; turn += 1) {
    for (const name of names) {
      onEntrant(name);
      const { sandbox, measure } = entrants[name];
      found[name].push(await inSandbox(sandbox, { life, measure }));
    }
  }
  return Object.fromEntries(names.map((name) => [name, middle(found[name])])) as Record<Name, T>;
}

/** The one in the middle; of an even number of them, the faster of the two. */
function middle<T extends Measured>(measured: readonly T[]): T {
  const inOrder = measured.toSorted((a, b) => a.ms - b.ms);
  const found = inOrder[Math.floor((inOrder.length - 1) / 2)];
  if (found === undefined) throw new RangeError('Nothing was measured.');
  return found;
}
