/** The newcomer's first command. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { PROJECT } from './support/command.ts';

const LONGEST_MS = 60_000;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-'));
});
after(() => rm(folder, { recursive: true }));

test('npm run demo plans, deletes, tells what is left, ends by itself, and leaves nothing behind', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', 'demo'], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
    timeout: LONGEST_MS,
  });
  assert.match(stdout, /npm run clean -- --resume --delete --yes/);
  const [, deleted, planned] = /Deleted: (\d+) of (\d+) tags/.exec(stdout) ?? [];
  assert.ok(Number(planned) > 0 && deleted === planned, stdout);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('docker-registry-cleaner')),
    [],
  );
});
