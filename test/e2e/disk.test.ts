/** A disk that is full while the program deletes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { midDelete } from './support/interrupt.ts';
import { Site } from './support/site.ts';

/** Only Linux, and only root, can mount a disk that is small enough to be filled. */
const skip =
  process.platform === 'linux' && process.getuid?.() === 0 ? false : 'needs root on Linux, to mount a tmpfs';

test('the setting is put back, exit code 6; with room again, the run is resumed', { skip }, async () => {
  await using site = await Site.open();
  const disk = join(site.folder, 'disk');
  mkdirSync(disk, { mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', disk]);
  try {
    const filler = join(disk, 'filler');
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 40 });
    const command = site.start([
      '--delete',
      '--yes',
      '--concurrency',
      '1',
      '--state-dir',
      join(disk, 'state'),
    ]);
    await midDelete(site, command);
    fill(filler);
    const ended = await command.ended;
    assert.equal(ended.code, 6, ended.stdout + ended.stderr);
    assert.match(ended.stderr, /ENOSPC[\s\S]*The disk is full/);
    await site.assertTidy();
    await site.assertNothingLost();
    assert.equal(await site.registry.deletes(), false);

    rmSync(filler);
    await site.runs(0, ['--resume', '--state-dir', join(disk, 'state')]);
    await site.assertCleaned();
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});

/** Writes until there is no room left for a single byte more. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let size = 4096; size >= 1; )
      try {
        writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
  } finally {
    closeSync(file);
  }
}
