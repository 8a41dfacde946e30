/** The frozen plan: one JSON line a repository, appended as each is planned, never changed. */
import { createHash } from 'node:crypto';
import { StorageError } from '../../domain/errors.ts';
import type { RepositoryPlan } from '../../domain/plan.ts';
import type { PlanFile } from '../../ports.ts';
import { attempt, openAppend, readChunks, readText } from './files.ts';

const TAGS_AT_A_TIME = 1000;

/** The plan in the file `path`, which is made by the first repository. */
export function openPlanFile(path: string): PlanFile {
  // Repositories are planned at the same time; their lines are written one after the other.
  let writing: Promise<void> = Promise.resolve();
  let isTrimmed = false;
  const write = async (plan: RepositoryPlan) => {
    const file = await openAppend(path);
    try {
      await attempt('write', path, async () => {
        // What follows the last line end was cut short by a crash: that repository is listed again.
        if (!isTrimmed) await file.truncate(endOfLastLine(await readText(path)));
        isTrimmed = false;
        for (const piece of piecesOf(plan)) await file.appendFile(piece);
        await file.datasync();
        isTrimmed = true;
      });
    } finally {
      await file.close();
    }
  };
  return {
    append(plan) {
      const written = writing.then(() => write(plan));
      // Whoever wrote it is told; the next one tries for itself.
      writing = written.catch(() => {});
      return written;
    },

    async read() {
      const text = (await readText(path)) ?? '';
      return text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => parsePlan(line, path));
    },

    async sha256() {
      const hash = createHash('sha256');
      for await (const chunk of readChunks(path)) hash.update(chunk);
      return hash.digest('hex');
    },
  };
}

/** A plan as one line of JSON; that of a large repository would be a string of many megabytes. */
function* piecesOf({ tags, ...rest }: RepositoryPlan): Generator<string, void> {
  yield `${JSON.stringify(rest).slice(0, -1)},"tags":[`;
  for (let at = 0; at < tags.length; at += TAGS_AT_A_TIME) {
    const piece = tags.slice(at, at + TAGS_AT_A_TIME).map((tag) => JSON.stringify(tag));
    yield `${at === 0 ? '' : ','}${piece.join(',')}`;
  }
  yield ']}\n';
}

function endOfLastLine(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1));
}

function parsePlan(line: string, path: string): RepositoryPlan {
  try {
    const value = JSON.parse(line);
    if (typeof value.ref.repository === 'string' && Array.isArray(value.tags)) return value;
    throw new TypeError('it is no plan of a repository');
  } catch (error) {
    throw new StorageError(`The plan in ${path} is damaged.`, {
      next: 'Give this run up with --fresh and begin a new one.',
      cause: error,
    });
  }
}
