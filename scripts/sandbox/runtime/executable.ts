import { access, constants, stat } from 'node:fs/promises';
import { CommandNotStarted } from './runtime.ts';

/**
 * Makes sure that `command` can be executed, the way a container runtime looks it up.
 *
 * @param root where the container's file system is seen from here
 * @throws {CommandNotStarted} in the words of runc
 */
export async function assertExecutable(
  command: readonly string[],
  { root, searchPath }: { readonly root: string; readonly searchPath: string },
): Promise<void> {
  const [name] = command;
  if (name === undefined || name === '') throw new CommandNotStarted('exec: no command');
  if (name.includes('/')) return assertFile(name, `${root}${name}`);
  for (const directory of searchPath.split(':')) {
    if (await isExecutable(`${root}${directory}/${name}`)) return;
  }
  throw new CommandNotStarted(`exec: ${JSON.stringify(name)}: executable file not found in $PATH`);
}

async function assertFile(name: string, path: string): Promise<void> {
  const problem = await access(path, constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (problem === 'ENOENT') {
    throw new CommandNotStarted(`exec: ${JSON.stringify(name)}: stat ${name}: no such file or directory`);
  }
  if (problem !== undefined || !(await isExecutable(path))) {
    throw new CommandNotStarted(`exec: ${JSON.stringify(name)}: permission denied`);
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    const entry = await stat(path);
    return entry.isFile() && (entry.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}
