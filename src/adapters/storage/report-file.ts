/** The report as a file: in the folder of its run, and wherever else the person wants it. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../../domain/errors.ts';
import { readChunks, replaceText } from './files.ts';

const REPORT = 'report.html';

/** Writes the report of the run in `folder`, in place of an earlier one. Returns where it is. */
export async function writeReport(folder: string, pieces: Iterable<string>): Promise<string> {
  const path = join(folder, REPORT);
  await replaceText(path, pieces);
  return path;
}

/** Copies a report, in place of a file that is there. */
export async function copyReport(from: string, to: string): Promise<void> {
  // It is not a folder of ours: what else is there must not be taken for something that a crash has left.
  const temporary = join(dirname(to), `.${basename(to)}.${randomBytes(6).toString('hex')}`);
  await replaceText(to, readChunks(from), temporary);
}

/** @throws UsageError when a report could not be copied to there, as far as that can be told beforehand */
export async function requireReportPlace(path: string): Promise<void> {
  const refuse = (problem: string, cause?: unknown) =>
    new UsageError(`The report cannot be copied to ${path}: ${problem}.`, {
      next: 'Nothing was touched. Name a file in a folder that is there, with --report.',
      cause,
    });
  const folder = dirname(path);
  const stats = await stat(folder).catch((error: unknown) => {
    throw refuse(`there is no folder ${folder}`, error);
  });
  if (!stats.isDirectory()) throw refuse(`${folder} is no folder`);
  await access(folder, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw refuse(`you may not write to ${folder}`, error);
  });
  const there = await lstat(path).catch(() => undefined);
  if (there?.isDirectory()) throw refuse('it is a folder');
  if (there?.isSymbolicLink()) throw refuse('it is a symbolic link, which is not followed');
  if (there && !there.isFile()) throw refuse('it is no regular file');
}
