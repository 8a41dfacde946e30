/** Files that the user hands to the program. Unlike the program's own, they may be symbolic links. */
import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../domain/errors.ts';

/** Far more than any list of environments; keeps a mistaken path from filling the memory. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * The text of the environments file.
 *
 * @throws UsageError when it is not there, not a file, or cannot be read
 */
export async function readEnvironmentsText(path: string): Promise<string> {
  const problem = (what: string, next: string) =>
    new UsageError(`The environments file ${path} ${what}.`, { next });
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw problem('is too big to be one', 'Name the right file with --environments.');
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT')
      throw problem(
        'does not exist',
        'Copy environments-example and edit it, or name another file with --environments.',
      );
    throw problem(`cannot be read (${String(code)})`, 'Name the right file with --environments.');
  }
}
