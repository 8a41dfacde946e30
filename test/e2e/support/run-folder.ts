/** A run's folder, read as a reviewer would read it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The newest run's folder. */
export function runFolder(stateDir: string): string {
  const newest = readdirSync(stateDir)
    .filter((name) => /^\d{8}T/.test(name))
    .sort()
    .at(-1);
  if (newest === undefined) throw new Error(`there is no run in ${stateDir}`);
  return join(stateDir, newest);
}

/** The newest run's record. */
export function runRecord(stateDir: string): {
  readonly id: string;
  readonly stage: string;
  readonly steps: Readonly<Record<string, { readonly state: string } | undefined>>;
  readonly reclaimedAt?: string;
} {
  return JSON.parse(readFileSync(join(runFolder(stateDir), 'run.json'), 'utf8'));
}

/** Everything that is in the lists for review, finished ones included: `repository:tag`, sorted. */
export function listed(stateDir: string): string[] {
  const folder = runFolder(stateDir);
  return [folder, join(folder, 'tags'), join(folder, 'tags/done')]
    .flatMap((place) =>
      readdirSync(place)
        .filter((name) => name === 'revisions_to_delete' || name.startsWith('domino-'))
        .flatMap((name) => lines(join(place, name)).map((tag) => `${repositoryOf(name)}:${tag}`)),
    )
    .sort();
}

/** Which lists are finished. */
export function finishedLists(stateDir: string): string[] {
  const done = join(runFolder(stateDir), 'tags/done');
  return existsSync(done) ? readdirSync(done).sort() : [];
}

function repositoryOf(list: string): string {
  return list === 'revisions_to_delete' ? 'dominodatalab/environment' : list;
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
