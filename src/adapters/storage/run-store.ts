/**
 * The state folder: a folder for every run, in it `run.json` (lowdb), `plan.jsonl`, `journal.jsonl`, the lists, and what
 * was deleted.
 */
import { dirname, join } from 'node:path';
import { Low } from 'lowdb';
import { StorageError } from '../../domain/errors.ts';
import { isResumable, isRunId, type RunRecord } from '../../domain/run.ts';
import type { RunHandle, RunStore } from '../../ports.ts';
import { ensureFolder, isFile, moveFile, readText, replaceText } from './files.ts';
import { openJournal } from './journal.ts';
import { openLists } from './lists.ts';
import { lockFolder } from './lock.ts';
import { openPlanFile } from './plan-file.ts';
import { JOURNAL, PLAN, parseRecord, RECORD, runIds, SAVED } from './run-folder.ts';
import { openSavedManifests } from './saved-manifests.ts';

/** What a damaged record is set aside as. */
const DAMAGED = `${RECORD}.damaged`;

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
      let newest: RunHandle | undefined;
      for (const id of await runIds(root)) {
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
      if (!isRunId(id)) return false;
      return (await isFile(join(folderOf(id), RECORD))) || (await isFile(join(folderOf(id), DAMAGED)));
    },

    async updateOthers(than, change) {
      for (const id of await runIds(root)) {
        const path = join(folderOf(id), RECORD);
        if (id === than || !(await isFile(path))) continue;
        const record = parseRecord((await readText(path)) ?? '');
        const changed = record && change(record);
        if (changed) await replaceText(path, textOf(changed));
      }
    },

    async close() {
      try {
        for (const run of opened) {
          await run.journal.close();
          await run.saved.close();
        }
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
      write: (record) => replaceText(path, textOf(record)),
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
    plan: openPlanFile(join(folder, PLAN)),
    journal: openJournal(join(folder, JOURNAL)),
    lists: openLists(folder),
    saved: openSavedManifests(join(folder, SAVED)),
  };
}

function textOf(record: RunRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
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
