/**
 * The few ways in which files of a run are touched: folders 0700, files 0600, symbolic links refused, every failure a
 * `StorageError` that names the file.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { StorageError } from '../../domain/errors.ts';

const CHUNK_BYTES = 256 * 1024;
const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** Makes a folder with mode 0700, unless it is there; refuses anything else of that name. */
export async function ensureFolder(path: string): Promise<void> {
  const making = attempt('make the folder', path, () => mkdir(path, { recursive: true, mode: 0o700 }));
  await making.catch((error: unknown) =>
    // What is in its place says more than why it could not be made.
    lstat(path).catch(() => Promise.reject(error)),
  );
  const stats = await attempt('look at', path, () => lstat(path));
  if (stats.isDirectory()) return;
  throw new StorageError(`${path} is ${stats.isSymbolicLink() ? 'a symbolic link' : 'no folder'}.`, {
    next: 'Remove it, or name another place with --state-dir.',
  });
}

/** The file's text; `undefined` when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  const handle = await openFile(path, O_RDONLY).catch((error: unknown) => {
    if (error instanceof StorageError && hasCode(error.cause, 'ENOENT')) return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    return await attempt('read', path, () => handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

/** The file's bytes, piece by piece; none when there is no file. */
export async function* readChunks(path: string): AsyncGenerator<Buffer, void> {
  if (!(await isFile(path))) return;
  const handle = await openFile(path, O_RDONLY);
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await attempt('read', path, () => handle.read(buffer, 0, CHUNK_BYTES));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** The file's lines, piece by piece, the empty ones left out; none when there is no file. */
export async function* readLines(path: string): AsyncGenerator<readonly string[], void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of readChunks(path)) {
    const lines = `${rest}${decoder.write(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    yield lines.filter((line) => line !== '');
  }
  rest += decoder.end();
  if (rest !== '') yield [rest];
}

/**
 * Replaces the file as a whole: after a crash it has either its old or its new text. When it cannot be written, it has
 * its old text, and what was written of the new one is removed.
 *
 * @param text as a whole, or piece by piece
 * @param temporary where it is written first, in the same folder; whatever is there is removed
 */
export async function replaceText(
  path: string,
  text: string | Iterable<string> | AsyncIterable<Uint8Array>,
  temporary = `${path}.new`,
): Promise<void> {
  await refuseLink(path);
  await attempt('write', path, () => unlink(temporary)).catch(ignoreMissing);
  const handle = await openFile(temporary, O_WRONLY | O_CREAT | O_EXCL);
  try {
    await attempt('write', path, async () => {
      await handle.writeFile(text);
      await handle.sync();
    });
    await attempt('write', path, () => rename(temporary, path));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(path));
}

/** Moves a file within the same file system. */
export async function moveFile(from: string, to: string): Promise<void> {
  await refuseLink(from);
  await attempt(`move to ${to}`, from, () => rename(from, to));
  await syncFolder(dirname(to));
}

/** Opens a file for appending (and reading), creating it if need be. */
export function openAppend(path: string): Promise<FileHandle> {
  return openFile(path, O_RDWR | O_APPEND | O_CREAT);
}

/** `true` when there is a regular file; refuses a symbolic link. */
export async function isFile(path: string): Promise<boolean> {
  const stats = await attempt('look at', path, () => lstat(path)).catch(ignoreMissing);
  if (stats?.isSymbolicLink()) throw linkError(path);
  return stats?.isFile() ?? false;
}

/** Runs a file operation; the system's refusal becomes a `StorageError`, a defect stays one. */
export async function attempt<T>(what: string, path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw hasCode(error) ? storageError(what, path, error) : error;
  }
}

/** Opens a file, following no symbolic link; `undefined` when there is none. */
export async function openExisting(path: string): Promise<FileHandle | undefined> {
  return (await isFile(path)) ? await openFile(path, O_RDONLY) : undefined;
}

async function openFile(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags | O_NOFOLLOW, 0o600);
  } catch (error) {
    throw hasCode(error, 'ELOOP') ? linkError(path) : storageError('open', path, error);
  }
}

async function refuseLink(path: string): Promise<void> {
  await isFile(path);
}

/** The names in a folder are on disk when this returns. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await openFile(path, O_RDONLY);
  try {
    await attempt('write', path, () => handle.sync());
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof StorageError && hasCode(error.cause, 'ENOENT')) return undefined;
  throw error;
}

function linkError(path: string): StorageError {
  return new StorageError(`${path} is a symbolic link; it is not followed.`, {
    next: 'Remove it, or put the file itself there.',
  });
}

const ELSEWHERE = 'Check the path, or name another place with --state-dir.';

const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: make room, then continue with --resume.',
  EDQUOT: 'The disk quota is used up: make room, then continue with --resume.',
  EACCES: 'Check who owns it, or name another place with --state-dir.',
  EPERM: 'Check who owns it, or name another place with --state-dir.',
  EROFS: 'The file system is read-only: name another place with --state-dir.',
  ENOENT: ELSEWHERE,
  ENOTDIR: ELSEWHERE,
};

function storageError(what: string, path: string, error: unknown): StorageError {
  const code = hasCode(error) ? error.code : '';
  return new StorageError(`Could not ${what} ${path}${code === '' ? '' : ` (${code})`}.`, {
    next: advice[code] ?? '',
    cause: error,
  });
}

/** The error has a code of the system (of this name), such as `ENOENT`. */
export function hasCode(error: unknown, code?: string): error is { code: string } {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    (code === undefined || error.code === code)
  );
}
