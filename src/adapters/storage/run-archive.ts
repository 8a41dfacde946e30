/** Looking at a state folder from outside: without its lock, and without changing anything. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunId } from '../../domain/run.ts';
import type { RunArchive, RunGlimpse } from '../../ports.ts';
import { hasCode, readText } from './files.ts';
import { openJournal, readTrail } from './journal.ts';
import { livingHolder } from './lock.ts';
import { openPlanFile } from './plan-file.ts';
import { JOURNAL, PLAN, parseRecord, RECORD, runIds, SAVED } from './run-folder.ts';
import { openSavedManifests } from './saved-manifests.ts';

/** The archive of a state folder, which need not be there. */
export function openRunArchive(root: string): RunArchive {
  return {
    async recent(limit) {
      const glimpses: RunGlimpse[] = [];
      for (const id of (await exists(root)) ? await runIds(root) : []) {
        if (glimpses.length >= limit) break;
        const glimpse = await glimpseOf(join(root, id));
        if (glimpse) glimpses.push(glimpse);
      }
      return glimpses;
    },
    async at(folder) {
      return (await exists(folder)) ? await glimpseOf(folder) : undefined;
    },
    async find(id) {
      const folder = join(root, id);
      return isRunId(id) && (await exists(folder)) ? await glimpseOf(folder) : undefined;
    },
    holder: () => livingHolder(root),
  };
}

async function glimpseOf(folder: string): Promise<RunGlimpse | undefined> {
  if (!(await lstat(folder)).isDirectory()) return undefined;
  const record = parseRecord((await readText(join(folder, RECORD))) ?? '');
  if (record === undefined) return undefined;
  return {
    folder,
    record,
    async read() {
      const plans = await openPlanFile(join(folder, PLAN)).read();
      const { outcomes } = await openJournal(join(folder, JOURNAL)).read();
      return { plans, outcomes };
    },
    saved: openSavedManifests(join(folder, SAVED)),
    trail: () => readTrail(join(folder, JOURNAL)),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
