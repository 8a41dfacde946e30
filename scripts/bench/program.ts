/** The program at work, measured by what it writes down itself: the run's record and its files. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { $ } from 'zx';
import type { Route } from '../../src/domain/route.ts';
import type { RunRecord, StepKey } from '../../src/domain/run.ts';
import type { Strategy } from '../../src/domain/strategy.ts';
import type { Measured } from './case.ts';
import type { OwnFigures } from './own-figures.ts';
import type { Scene } from './scene.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

export interface ProgramOptions {
  readonly via: Route;
  /** The program's own choice unless given. */
  readonly strategy?: Strategy;
  /** Repositories of one naming scheme only. */
  readonly only?: 'new' | 'legacy';
  /** Where the registry is for the program; the sandbox's address unless given. */
  readonly registry?: string;
  /** The environments file; the sandbox's unless given. */
  readonly environments?: string;
}

export interface ProgramRun extends OwnFigures, Measured {
  /** Resolving and deleting; the start of the pod and the registry's restarts are left out. */
  readonly ms: number;
  /** Listing the tags, and resolving the digest of each. */
  readonly resolveMs: number;
  /** Looking at each doomed tag again, and deleting; 0 if nothing was to be deleted. */
  readonly deleteMs: number;
  readonly planBytes: number;
  readonly journalBytes: number;
  readonly recordBytes: number;
}

/** Runs the program from its start to its end. */
export async function deleteByProgram(scene: Scene, options: ProgramOptions): Promise<ProgramRun> {
  return await runProgram(scene, options, ['--delete', '--yes']);
}

/** Runs the program up to the review. */
export async function planByProgram(scene: Scene, options: ProgramOptions): Promise<ProgramRun> {
  return await runProgram(scene, options, []);
}

async function runProgram(
  { sandbox, folder, life }: Scene,
  { via, strategy, only, registry = sandbox.registry, environments = sandbox.environments }: ProgramOptions,
  words: readonly string[],
): Promise<ProgramRun> {
  const places = ['--kubeconfig', sandbox.kubeconfig, '--registry', registry, '--via', via];
  const files = ['--environments', environments, '--state-dir', folder];
  const chosen = ['--strategy', strategy ?? 'auto', ...(only ? ['--only', only] : []), ...words];
  const own = join(folder, 'own-figures');
  // Nothing else of whoever runs the benchmark: a password of theirs, a proxy, npm's variables.
  const { PATH, HOME, TMPDIR } = process.env;
  const env = { PATH, HOME, TMPDIR, OWN_FIGURES_FILE: own };
  const node = [process.execPath, '--import', resolve(import.meta.dirname, 'own-figures.ts')];
  await $({ cwd: PROJECT, quiet: true, signal: life, env })`${node} src/cli.ts ${places} ${files} ${chosen}`;
  const [run = ''] = (await readdir(folder)).filter((name) => name.includes('T'));
  const record = JSON.parse(await readFile(join(folder, run, 'run.json'), 'utf8')) as RunRecord;
  const resolveMs = spanMs(record, ['list-new', 'list-legacy']);
  const deleteMs = words.length === 0 ? 0 : spanMs(record, ['delete']);
  return {
    ...{ ms: resolveMs + deleteMs, resolveMs, deleteMs },
    ...(JSON.parse(await readFile(own, 'utf8')) as OwnFigures),
    planBytes: await sizeOf(join(folder, run, 'plan.jsonl')),
    journalBytes: await sizeOf(join(folder, run, 'journal.jsonl')),
    recordBytes: await sizeOf(join(folder, run, 'run.json')),
  };
}

/** From the first start to the last end of those of the steps that were taken. */
function spanMs({ steps }: RunRecord, keys: readonly StepKey[]): number {
  const taken = keys.flatMap((key) => steps[key] ?? []);
  const startedAt = Math.min(...taken.map((step) => Date.parse(step.startedAt)));
  const endedAt = Math.max(...taken.map((step) => Date.parse(step.endedAt ?? '')));
  if (!Number.isFinite(endedAt - startedAt)) throw new Error(`The run has not finished ${keys.join(', ')}.`);
  return endedAt - startedAt;
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.size ?? 0;
}
