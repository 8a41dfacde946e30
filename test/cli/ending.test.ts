import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exitCodeOf, explain, summarise } from '../../src/cli/ending.ts';
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
import { noFigures } from '../../src/domain/outcome.ts';

function ending(error: unknown, failed = 0) {
  return { person: undefined, tally: undefined, error, failed, report: undefined };
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
    const summary = summarise({ ...ending(undefined), tally }, 0, 5);
    assert.deepEqual(
      [summary.mode, summary.environments, summary.resumed, summary.planned, summary.deleted],
      ['delete', 2, true, 3, 3],
    );
  });
});
