/** Pulling images as anybody would. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sandbox } from '../../../scripts/sandbox/index.ts';

const run = promisify(execFile);

/**
 * Copies an image, with all that an index lists, by real Skopeo, which verifies every byte.
 *
 * @param image `repository:tag`
 * @returns the manifest as it came
 * @throws Error when something of it is missing
 */
export async function copyImage(sandbox: Sandbox, image: string, folder: string): Promise<string> {
  const { registry, username, password } = sandbox;
  const target = join(folder, `copy-${image.replaceAll(/[^a-z0-9]/g, '-')}`);
  mkdirSync(target);
  const credentials = ['--src-creds', `${username}:${password}`];
  await run('skopeo', [
    ...['--insecure-policy', 'copy', '--all', '--src-tls-verify=false', ...credentials],
    ...[`docker://${registry}/${image}`, `dir:${target}`],
  ]);
  return readFileSync(join(target, 'manifest.json'), 'utf8');
}
