/** Files that the user hands to the program. Unlike the program's own, they may be symbolic links. */
import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../domain/errors.ts';

/** Far more than any of them; keeps a mistaken path from filling the memory. */
const MOST_BYTES = 16 * 1024 * 1024;

/** The text of the environments file. @throws UsageError when it is not there, not a file, or cannot be read */
export function readEnvironmentsText(path: string): Promise<string> {
  return readInput(path, {
    what: 'environments file',
    absent: 'Copy environments-example and edit it, or name another file with --environments.',
    wrong: 'Name the right file with --environments.',
  });
}

/** The text of the file of images that are in use elsewhere. @throws UsageError as above */
export function readInUseText(path: string): Promise<string> {
  const next = 'Name the right file with --in-use-file.';
  return readInput(path, { what: 'in-use file', absent: next, wrong: next });
}

/** The certificates of those whom to trust, in PEM. @throws UsageError as above, and for anything else than PEM */
export async function readCertificates(path: string): Promise<string> {
  const next = 'Name the right file with --tls-ca.';
  const text = await readInput(path, { what: 'certificate file', absent: next, wrong: next });
  if (/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(text)) return text;
  throw new UsageError(`The certificate file ${path} has no certificate in PEM form.`, { next });
}

async function readInput(
  path: string,
  file: { readonly what: string; readonly absent: string; readonly wrong: string },
): Promise<string> {
  const problem = (what: string, next: string) =>
    new UsageError(`The ${file.what} ${path} ${what}.`, { next });
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw problem('is too big to be one', file.wrong);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT') throw problem('does not exist', file.absent);
    throw problem(`cannot be read (${String(code)})`, file.wrong);
  }
}
