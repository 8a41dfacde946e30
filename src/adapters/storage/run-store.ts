/** The state folder: a folder for every run, in it `run.json` (lowdb), `plan.jsonl`, `journal.jsonl` and the lists. */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Low } from 'lowdb';
import { StorageError } from '../../domain/errors.ts';
import { isResumable, isStage, type RunRecord } from '../../domain/run.ts';
import type { RunHandle, RunStore } from '../../ports.ts';
import { attempt, ensureFolder, isFile, moveFile, readText, replaceText } from './files.ts';
import { openJournal } from './journal.ts';
import { openLists } from './lists.ts';
import { lockFolder } from './lock.ts';
import { openPlanFile } from './plan-file.ts';

const RECORD = 'run.json';
/** What a damaged record is set aside as. */
const DAMAGED = `${RECORD}.damaged`;
/** A run's ID begins with its start's time, so names sort by age. */
const RUN_FOLDER = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;

/** Opens a state folder, making it if need be, and locks it for this process. */
export async function openRunStore(root: string): Promise<RunStore> {
  await ensureFolder(root);
  const unlock = await lockFolder(root);
  const opened: RunHandle[] = [];
  const folderOf = (id: string) => join(root, id);
  const open = async (id: string, initial?: RunRecord) => {
    const handle = await openRun(folderOf(id), initial);
    opened.push(handle);
    return handle;
  };
  return {
    async latest() {
      const entries = await attempt('list', root, () => readdir(root, { withFileTypes: true }));
      const ids = entries
        .filter((entry) => RUN_FOLDER.test(entry.name) && !entry.isFile())
        .map((entry) => entry.name)
        .sort()
        .reverse();
      let newest: RunHandle | undefined;
      for (const id of ids) {
        await ensureFolder(folderOf(id));
        // A folder without a record is what a crash left of a run that never began.
        if (!(await isFile(join(folderOf(id), RECORD)))) continue;
        const run = await open(id);
        // Two that began in the same second, or with a clock that was set back, are not sorted by age.
        if (isResumable(run.record)) return run;
        newest ??= run;
      }
      return newest;
    },

    async create(record) {
      await ensureFolder(folderOf(record.id));
      return open(record.id, record);
    },

    async knows(id) {
      if (!RUN_FOLDER.test(id)) return false;
      return (await isFile(join(folderOf(id), RECORD))) || (await isFile(join(folderOf(id), DAMAGED)));
    },

    async close() {
      try {
        for (const run of opened) await run.journal.close();
      } finally {
        await unlock();
      }
    },
  };
}

async function openRun(folder: string, initial: RunRecord | undefined): Promise<RunHandle> {
  const path = join(folder, RECORD);
  // lowdb would take a missing or unreadable file for an empty one; here both are reported.
  const database = new Low<RunRecord>(
    {
      read: () => readRecord(path),
      write: (record) => replaceText(path, `${JSON.stringify(record, null, 2)}\n`),
    },
    initial ?? (await readRecord(path)),
  );
  if (initial) await database.write();
  let updating: Promise<void> = Promise.resolve();
  return {
    folder,
    get record() {
      return database.data;
    },
    update(change) {
      const next = updating.then(async () => {
        const before = database.data;
        database.data = change(before);
        try {
          await database.write();
        } catch (error) {
          database.data = before;
          throw error;
        }
      });
      updating = next.catch(() => {});
      return next;
    },
    plan: openPlanFile(join(folder, 'plan.jsonl')),
    journal: openJournal(join(folder, 'journal.jsonl')),
    lists: openLists(folder),
  };
}

async function readRecord(path: string): Promise<RunRecord> {
  const text = await readText(path);
  const record = parseRecord(text ?? '');
  if (record !== undefined) return record;
  const aside = join(dirname(path), DAMAGED);
  await moveFile(path, aside);
  throw new StorageError(`The state of a run is damaged; it was set aside as ${aside}.`, {
    next: 'That run cannot be resumed. Check the registry with: npm run clean -- recover. Then begin a new run.',
  });
}

function parseRecord(text: string): RunRecord | undefined {
  try {
    const value = JSON.parse(text);
    const isRecord =
      value?.schema === 1 &&
      typeof value.id === 'string' &&
      isStage(value.stage) &&
      Array.isArray(value.environments) &&
      typeof value.steps === 'object' &&
      value.steps !== null;
    return isRecord ? value : undefined;
  } catch {
    return undefined;
  }
}
