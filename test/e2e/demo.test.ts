/** The newcomer's first command. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { compileCache } from '../support/compile-cache.ts';
import { PROJECT } from './support/command.ts';

/** On a busy machine; it says by itself how long it has taken. */
const LONGEST_MS = 300_000;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-'));
});
after(() => rm(folder, { recursive: true }));

test('npm run demo plans, deletes, tells what is left, ends by itself, and leaves nothing but the report', async () => {
  const report = join(folder, 'demo.html');
  const { stdout } = await promisify(execFile)('npm', ['run', 'demo', '--', '--report', report], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, ...compileCache() },
    timeout: LONGEST_MS,
  });
  assert.match(stdout, /npm run clean -- --resume --delete --yes/);
  const [, deleted, planned] = /Deleted: (\d+) of (\d+) tags/.exec(stdout) ?? [];
  assert.ok(Number(planned) > 0 && deleted === planned, stdout);
  assert.match(await readFile(report, 'utf8'), new RegExp(`Finished: ${deleted} of ${planned} tags deleted`));
  assert.deepEqual(await leftovers(), []);
});

test('the demo that is interrupted says that nothing is left, and leaves nothing', async () => {
  const demo = spawn(process.execPath, ['scripts/demo.ts'], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, ...compileCache() },
    stdio: ['ignore', 'pipe', 'ignore'],
    // As at a terminal, Ctrl+C reaches the demo and the program that it shows.
    detached: true,
  });
  const lines: string[] = [];
  for await (const line of createInterface(demo.stdout)) {
    lines.push(line);
    if (line === '- enable delete …') process.kill(-Number(demo.pid), 'SIGINT');
  }
  const code = demo.exitCode ?? (await once(demo, 'exit'))[0];
  assert.equal(code, 130);
  assert.match(lines.at(-1) ?? '', /interrupted.*removed/);
  assert.deepEqual(await leftovers(), []);
});

async function leftovers(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('docker-registry-cleaner'));
}
