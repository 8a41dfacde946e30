/** A temporary folder for one test, and short ways to look at it. */
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '../../../src/domain/run.ts';

/** Goes with the test. */
export function temporaryFolder(test: { after(cleanUp: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'storage-test-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The permission bits, `600`. */
export function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}

/** A run that has just begun. */
export function record(number = 1): RunRecord {
  return {
    schema: 1,
    id: `20261123T10000${number}Z-00000${number}`,
    startedAt: '2026-11-23T10:00:00.000Z',
    stage: 'listing',
    deleting: false,
    confirmed: false,
    allowAbsent: false,
    environments: [],
    steps: {},
  };
}
