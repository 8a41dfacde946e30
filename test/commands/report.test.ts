import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import {
  InterruptedError,
  RefusedError,
  RegistryError,
  RestoreError,
  StorageError,
  UnreachableError,
  UsageError,
} from '../../src/domain/errors.ts';
import { A, B } from '../domain/builders.ts';
import { Scenario } from './scenario.ts';

const DELETE = { delete: true, yes: true };
const PLACE = '/memory/report.html';

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
});

/** The newest report. */
function reported() {
  return scene.disk.reported.at(-1) ?? assert.fail('there is no report');
}

describe('a report is left', () => {
  it('of a plan', async () => {
    const { program } = await scene.cleanly({});
    assert.equal(program.tally.report, PLACE);
    assert.match(reported().ending.title, /^Planned: 4 tags/);
    assert.deepEqual([reported().standings.open, reported().standings.protected], [4, 2]);
    assert.deepEqual(
      reported().steps.map(({ state }) => state),
      ['done', 'done', 'done', 'done', 'done'],
    );
  });

  it('of everything that was deleted, when nothing more is left to do', async () => {
    await scene.cleanly(DELETE);
    const { run, ending, standings, figures, steps } = reported();
    assert.deepEqual([run.stage, ending.tone], ['finished', 'good']);
    assert.deepEqual([standings.deleted, figures.deleted], [4, 4]);
    assert.equal(steps.at(-1)?.title, 'teardown');
    assert.deepEqual(
      reported()
        .environments.map(({ environment, tags }) => [environment, tags.deleted])
        .slice(0, 2),
      [
        [A, 4],
        [B, 0],
      ],
    );
  });

  it('again by each start of a run', async () => {
    await scene.cleanly({});
    await scene.cleanly({ resume: true, ...DELETE });
    const [first, second, ...more] = scene.disk.reported;
    assert.equal(more.length, 0);
    assert.equal(first?.run.id, second?.run.id);
    assert.deepEqual([first?.standings.deleted, second?.standings.deleted], [0, 4]);
  });

  it('of what could not be deleted', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'delete') throw new RegistryError('500 for no reason', { failure: 'other' });
    };
    const { failed } = await scene.clean(DELETE);
    assert.ok(failed !== undefined && failed > 0);
    assert.equal(reported().standings.failed, failed);
    assert.match(
      reported().tags.find(({ standing }) => standing === 'failed')?.reason ?? '',
      /500 for no reason/,
    );
    assert.equal(reported().ending.tone, 'bad');
  });

  for (const [what, reason, tone] of [
    ['a signal', new InterruptedError('SIGTERM'), 'open'],
    ['a full disk', new StorageError('disk full'), 'bad'],
    ['a defect', new TypeError('x is undefined'), 'bad'],
  ] as const)
    it(`when ${what} has ended the deletion, after everything was put back`, async () => {
      let isDeleting = false;
      scene.registry.after = ({ operation }) => {
        isDeleting ||= operation === 'delete';
      };
      scene.disk.before = (call) => {
        if (isDeleting && call === 'append') throw reason;
        if (call === 'report') scene.assertPutBack();
      };
      const { error } = await scene.clean(DELETE);
      assert.equal(error?.constructor, reason.constructor);
      assert.equal(reported().ending.tone, tone);
      assert.equal(reported().steps.find(({ title }) => title === 'disable delete')?.state, 'done');
    });

  it('when the setting could not be put back, with the command that does it', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation !== 'delete') return;
      scene.workload.before = () => {
        throw new UnreachableError('connection refused');
      };
    };
    const { error } = await scene.clean(DELETE);
    assert.ok(error instanceof RestoreError);
    assert.equal(reported().ending.tone, 'bad');
    assert.match(reported().ending.details.join(), /kubectl .* patch statefulset\/docker-registry/);
  });

  it('of a plan that was refused', async () => {
    const { error } = await scene.clean({ ...DELETE, 'max-deletions': '1' });
    assert.ok(error instanceof RefusedError);
    assert.equal(reported().ending.title, error.message);
    scene.assertPutBack();
  });

  it('not by a run that ends before it has planned anything', async () => {
    scene.pod.before = (call) => {
      if (call !== 'ensure') return;
      throw new UnreachableError('no pod today');
    };
    const { error, program } = await scene.clean({});
    assert.ok(error instanceof UnreachableError);
    assert.deepEqual(scene.disk.reported, []);
    assert.equal(program.tally.report, undefined);
  });
});

describe('a report that cannot be written', () => {
  for (const [what, failure, said] of [
    [
      'for the disk is full',
      new StorageError('disk full', { next: 'Make room.' }),
      /no new report.*disk full Make room\./,
    ],
    ['by a defect', new TypeError('x is undefined'), /no new report.*defect.*x is undefined/],
  ] as const) {
    it(`is a warning, and the run is done: ${what}`, async () => {
      scene.disk.before = (call) => {
        if (call === 'report') throw failure;
      };
      const { program, failed } = await scene.cleanly(DELETE);
      assert.equal(failed, 0);
      assert.equal(scene.record.stage, 'finished');
      assert.match(program.person.warnings.join('\n'), said);
      assert.equal(program.tally.report, undefined);
      scene.assertPutBack();
    });

    it(`does not hide what has ended the run: ${what}`, async () => {
      scene.disk.before = (call) => {
        if (call === 'report') throw failure;
      };
      const { error } = await scene.clean({ ...DELETE, 'max-deletions': '1' });
      assert.ok(error instanceof RefusedError);
    });
  }
});

describe('a copy of the report', () => {
  it('is where the person is sent', async () => {
    scene.disk.copyTo = '/home/ann/report.html';
    const { program } = await scene.cleanly({});
    assert.equal(program.tally.report, '/home/ann/report.html');
  });

  it('that fails is a warning; the report is in the folder of the run', async () => {
    scene.disk.copyTo = '/home/ann/report.html';
    scene.disk.before = (call) => {
      if (call === 'copy') throw new StorageError('Could not write it.');
    };
    const { program } = await scene.cleanly(DELETE);
    assert.equal(program.tally.report, PLACE);
    assert.match(program.person.warnings.join('\n'), /not copied.*Could not write it/);
  });

  it('that could not be made is refused before anything else', async () => {
    scene.disk.copyTo = '/nowhere/report.html';
    scene.disk.before = (call) => {
      if (call === 'check') throw new UsageError('There is no folder /nowhere.');
    };
    const { error } = await scene.clean(DELETE);
    assert.ok(error instanceof UsageError);
    assert.equal(scene.disk.runs.size, 0);
    assert.deepEqual(scene.workload.patches, []);
  });
});
