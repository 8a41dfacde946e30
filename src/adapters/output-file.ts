/** Files that the program writes for the user. One that is there already is never written over. */
import { randomBytes } from 'node:crypto';
import { link, lstat, open, unlink } from 'node:fs/promises';
import { RefusedError, StorageError } from '../domain/errors.ts';

/**
 * A file that is not there yet.
 *
 * @throws RefusedError when there is something of that name, now or when it is written
 * @throws StorageError when it cannot be written
 */
export async function openNewFile(path: string): Promise<{ write(text: string): Promise<void> }> {
  const isThere = await lstat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false;
      throw failure(path, error);
    },
  );
  if (isThere) throw alreadyThere(path);
  return { write: (text) => writeNew(path, text) };
}

/** Under another name first, so that the file is whole as soon as it is there; a link is never made over anything. */
async function writeNew(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? alreadyThere(path) : failure(path, error);
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

function alreadyThere(path: string): RefusedError {
  return new RefusedError(`There is a file ${path} already; it is not written over.`, {
    next: 'Name another one with --write, or remove it.',
  });
}

function failure(path: string, error: unknown): StorageError {
  return new StorageError(`Could not write ${path} (${codeOf(error)}).`, {
    next: 'Name a file in a folder of yours with --write.',
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
