import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { compileCache } from '../support/compile-cache.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-'));
});
after(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the suite; an exit code is an answer. */
async function bench(...args: readonly string[]): Promise<Ended> {
  const options = {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, ...compileCache() },
  };
  const run = promisify(execFile)(process.execPath, ['scripts/bench.ts', ...args], options);
  return await run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

test('a case is measured with a few tags, told as a table and as JSON, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await bench('contest', '--share', '0.01');
  assert.equal(code, 0, stderr);
  const [machine, ...lines] = stdout.trimEnd().split('\n');
  assert.match(machine ?? '', /^Measured on \d+ × .*Node 24/);
  const report = JSON.parse(lines.at(-1) ?? '');
  assert.equal(report.bench, 'contest');
  assert.equal(report.title, '10 of 20 tags deleted from one repository');
  assert.equal(report.rows.length, 5);
  for (const { what, ms } of report.rows) {
    assert.ok(ms > 0, what);
    assert.ok(
      lines.some((line) => line.startsWith(`| ${what} |`)),
      what,
    );
  }
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('docker-registry-cleaner')),
    [],
  );
});

test('the report is opened in a browser', async () => {
  const { code, stdout, stderr } = await bench('report', '--share', '0.01');
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  assert.equal(report.title, 'The report of 200 tags');
  for (const { bytes, openedMs, searchedMs } of report.rows)
    assert.ok(bytes > 10_000 && openedMs > 0 && searchedMs > 0, stdout);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('docker-registry-cleaner')),
    [],
  );
});

test('scans are measured, the first and the second one, with their memory', async () => {
  const { code, stdout, stderr } = await bench('scan', '--share', '0.01');
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  assert.equal(report.rows.length, 3);
  for (const { what, ms, secondMs, timesAsFast, askingMs, peakBytes, cacheBytes } of report.rows) {
    assert.ok(ms > 0 && secondMs > 0 && Math.abs(timesAsFast - ms / secondMs) < 0.01, what);
    assert.ok(askingMs > 0 && peakBytes > 10_000_000 && cacheBytes > 50_000, what);
  }
});

test('what cannot be measured is refused before anything is started', async () => {
  const unknown = await bench('contest', 'contests');
  assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
  assert.match(unknown.stderr, /no case contests; there are: contest, /);
  const never = await bench('--times', '0');
  assert.deepEqual([never.code, never.stdout], [2, '']);
  const more = await bench('--share', '2');
  assert.deepEqual([more.code, more.stdout], [2, '']);
});
