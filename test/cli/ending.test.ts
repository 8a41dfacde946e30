import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exitCodeOf, explain, summarise } from '../../src/cli/ending.ts';
import { UndoTally } from '../../src/commands/undo.ts';
import { Tally } from '../../src/commands/world.ts';
import {
  ConflictError,
  InterruptedError,
  RefusedError,
  RegistryError,
  RestoreError,
  StorageError,
  UnreachableError,
  UsageError,
  WindowOverError,
} from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { noFigures } from '../../src/domain/outcome.ts';
import { verifyFigures } from '../../src/domain/verify.ts';
import { digest, tag } from '../domain/builders.ts';

function ending(error: unknown, failed = 0) {
  return { person: undefined, tally: undefined, error, failed, report: undefined, undo: undefined };
}

describe('the exit code', () => {
  for (const [error, code] of [
    [undefined, 0],
    [new TypeError('x'), 1],
    ['thrown', 1],
    [new UsageError('x'), 2],
    [new WindowOverError('x'), 3],
    [new RefusedError('x'), 4],
    [new UnreachableError('x'), 5],
    [new RegistryError('x', { failure: 'other' }), 5],
    [new ConflictError('x'), 5],
    [new RestoreError('x'), 5],
    [new StorageError('x'), 6],
    [new InterruptedError('SIGINT'), 130],
    [new InterruptedError('SIGTERM'), 143],
    [new InterruptedError('SIGHUP'), 129],
  ] as const)
    it(`of ${String(error)} is ${code}`, () => assert.equal(exitCodeOf(ending(error)), code));

  it('tells that something could not be read, although the rest was told', () => {
    const report = (unread: unknown) => exitCodeOf({ ...ending(undefined), report: { unread } });
    assert.deepEqual([report(undefined), report(new UnreachableError('x'))], [0, 5]);
  });

  it('tells that something could not be deleted', () => assert.equal(exitCodeOf(ending(undefined, 1)), 3));
});

describe('what is said about an error', () => {
  it('is what failed, and what to do', () => {
    assert.equal(explain(new RefusedError('No.', { next: 'Do this.' })), '\nNo.\nDo this.\n');
    assert.equal(explain(new RefusedError('No.')), '\nNo.\n');
  });

  it('ends with the command when a setting could not be put back', () => {
    assert.match(
      explain(new RestoreError('It stays.', { next: 'by hand with:\nkubectl patch' })),
      /\nkubectl patch\n$/,
    );
  });

  it('is everything when it is a defect', () => {
    assert.match(
      explain(new TypeError('x is undefined')),
      /defect of the program.*\nTypeError: x is undefined\n.*at /s,
    );
  });
});

describe('the closing object', () => {
  it('is there at every end, also when nothing was begun', () => {
    assert.deepEqual(summarise(ending(new UsageError('x')), 2, 17), {
      event: 'summary',
      mode: 'plan',
      exitCode: 2,
      environments: 0,
      ...noFigures,
      ...verifyFigures(undefined),
      predictedBytes: null,
      reclaimedBytes: null,
      resumed: false,
      durationMs: 17,
    });
  });

  it('tells what the run has counted', () => {
    const tally = new Tally();
    tally.mode = 'delete';
    tally.environments = 2;
    tally.resumed = true;
    tally.figures = () => ({ ...noFigures, planned: 3, deleted: 3 });
    tally.saved = { file: '/state/run/deleted-manifests.jsonl.gz', bytes: 2048 };
    tally.report = '/state/run/report.html';
    const summary = summarise({ ...ending(undefined), tally }, 0, 5);
    assert.ok(summary.mode !== 'undo');
    assert.deepEqual(summary.saved, tally.saved);
    assert.deepEqual(
      [summary.mode, summary.environments, summary.resumed, summary.planned, summary.deleted],
      ['delete', 2, true, 3, 3],
    );
    assert.equal(summary.report, '/state/run/report.html');
  });

  it('tells what an undo has come to', () => {
    const undo = new UndoTally();
    undo.run = '20261123T100001Z-000001';
    undo.tags = 2;
    const lost = { repository: NEW_REPOSITORY, tag: tag('x'), digest: digest('x') };
    undo.entries.push({ ...lost, outcome: 'restored', unproven: true });
    assert.deepEqual(summarise({ ...ending(undefined), undo }, 130, 5), {
      event: 'summary',
      mode: 'undo',
      exitCode: 130,
      run: '20261123T100001Z-000001',
      tags: 2,
      restored: 1,
      there: 0,
      pushedSince: 0,
      incomplete: 0,
      failed: 0,
      unproven: 1,
      durationMs: 5,
    });
  });
});
