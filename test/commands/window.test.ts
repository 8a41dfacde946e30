import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { RefusedError, WindowOverError } from '../../src/domain/errors.ts';
import { Scenario } from './scenario.ts';

const DELETING = { delete: true, yes: true, concurrency: '1' };
const MINUTE = 60_000;

let scene: Scenario;
let before: string[];
beforeEach(() => {
  scene = new Scenario();
  before = scene.tagsLeft();
});

/** Every deletion takes so long. */
function slowDeletions(ms: number): void {
  scene.registry.before = ({ operation }) => {
    if (operation === 'delete') scene.clock.advance(ms);
  };
}

describe('a window that ends while tags are deleted', () => {
  it('leaves the rest to a resume; the setting is put back', async () => {
    slowDeletions(31 * MINUTE);
    const { error, figures } = await scene.clean({ ...DELETING, 'stop-after': '1h' });
    assert.ok(error instanceof WindowOverError);
    assert.match(error.message, /^The window of 1h is over: \d tags? deleted, \d left\.$/);
    assert.equal(error.next, 'Continue with: npm run clean -- --resume --delete');
    assert.ok(figures.deleted > 0 && figures.deleted < figures.planned, JSON.stringify(figures));
    scene.assertPutBack();
    scene.registry.before = () => {};
    const { program } = await scene.cleanly({ resume: true });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    assert.ok(program.person.shown.includes('delete: done'));
  });

  it('says that it is putting everything back', async () => {
    slowDeletions(31 * MINUTE);
    const { program } = await scene.clean({ ...DELETING, 'stop-after': '1h' });
    assert.match(program.person.said.join('\n'), /The window of 1h is over\. Leaving everything as it was/);
  });

  it('begins no further deletion once a slow restart would no longer fit twice', async () => {
    scene.workload.startsWithinMs = 5 * MINUTE;
    let deletions = 0;
    scene.registry.before = ({ operation }) => {
      if (operation !== 'delete') return;
      deletions += 1;
      // Of 20 minutes 5 went into enabling; 10 and the margin are kept for restoring.
      scene.clock.advance(4 * MINUTE);
    };
    const startedAtMs = scene.clock.now();
    const { error } = await scene.clean({ ...DELETING, 'stop-after': '21m' });
    assert.ok(error instanceof WindowOverError, String(error));
    assert.ok(deletions <= 2, `${deletions} deletions`);
    assert.ok(scene.clock.now() - startedAtMs <= 21 * MINUTE);
    scene.assertPutBack();
  });

  it('is no matter when everything was done', async () => {
    scene.pod.before = (call) => {
      if (call === 'remove') scene.clock.advance(3 * 60 * MINUTE);
    };
    await scene.cleanly({ ...DELETING, 'stop-after': '1h' });
    assert.equal(scene.record.stage, 'finished');
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('leaves no time for the check when the setting takes long to be put back; a resume makes up for it', async () => {
    scene.workload.after = (call) => {
      if (call === 'patch' && scene.workload.patches.length === 2) scene.clock.advance(3 * 60 * MINUTE);
    };
    const { error, program } = await scene.clean({ ...DELETING, 'stop-after': '1h' });
    assert.ok(error instanceof WindowOverError, String(error));
    assert.match(error.message, /4 tags deleted, 0 left; what stays was not all checked\.$/);
    assert.ok(
      program.person.shown.includes('verify: skipped (the window is over; --resume makes up for it)'),
    );
    scene.assertPutBack();
    const restarts = scene.workload.patches.length;
    // Without anything left to delete a minute is enough: nothing has to be restarted for it.
    const again = await scene.cleanly({ ...DELETING, resume: true, 'stop-after': '1m' });
    assert.ok(again.program.person.shown.some((line) => line.startsWith('verify: 6 kept as before, 4 gone')));
    assert.equal(scene.workload.patches.length, restarts);
    assert.equal(scene.record.stage, 'finished');
  });

  it('ends a check that takes long, as a window that is over and not as a defect', async () => {
    scene.registry.before = ({ operation }) => {
      if (scene.workload.patches.length === 2 && operation === 'list') scene.clock.advance(61 * MINUTE);
    };
    const { error, program } = await scene.clean({ ...DELETING, 'stop-after': '1h' });
    assert.ok(error instanceof WindowOverError, String(error));
    assert.match(error.next, /--resume --delete/);
    assert.ok(program.person.shown.includes('verify: failed'));
    scene.assertPutBack();
  });

  it('is no matter to a run that checks nothing', async () => {
    scene.workload.after = (call) => {
      if (call === 'patch' && scene.workload.patches.length === 2) scene.clock.advance(3 * 60 * MINUTE);
    };
    await scene.cleanly({ ...DELETING, 'stop-after': '1h', verify: 'none' });
    assert.equal(scene.record.stage, 'finished');
  });
});

describe('a window that is too short', () => {
  it('is refused before anything is changed', async () => {
    const { error } = await scene.clean({ ...DELETING, 'stop-after': '5m' });
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /window of 5m is too short/);
    assert.match(error.next, /longer --stop-after/);
    scene.assertUntouched(before);
  });

  it('is judged by how long the registry took to restart in the last runs', async () => {
    await scene.cleanly({ ...DELETING, only: 'legacy' });
    const { program } = await scene.cleanly({ ...DELETING, 'stop-after': '5m' });
    const [review] = program.person.reviews;
    const { enablingMs = 0, restoringMs = 0 } = review?.circumstances.lastRestarts ?? {};
    assert.ok(enablingMs >= 3000 && restoringMs >= 3000, `${enablingMs}, ${restoringMs}`);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('is refused where the answer to the question came too late', async () => {
    const { error } = await scene.clean({ delete: true, 'stop-after': '1h' }, ({ person }) => {
      person.present = true;
      person.answer = 'prod';
      const { confirm } = person;
      person.confirm = async (question, expected) => {
        scene.clock.advance(56 * MINUTE);
        return confirm.call(person, question, expected);
      };
    });
    assert.ok(error instanceof RefusedError, String(error));
    assert.match(error.message, /4 min 00 s of it are left/);
    scene.assertUntouched(before);
  });

  it('is enough for a registry that need not be restarted', async () => {
    scene.registry.canProbe = true;
    scene.registry.deletionEnabled = () => true;
    await scene.cleanly({ ...DELETING, 'stop-after': '1m' });
    assert.deepEqual(scene.workload.patches, []);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });
});

describe('a window that ends', () => {
  it('while the plan is made leaves that to a resume', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'resolve') scene.clock.advance(20 * MINUTE);
    };
    const { error } = await scene.clean({ 'stop-after': '1h' });
    assert.ok(error instanceof WindowOverError);
    assert.match(error.message, /the plan is not complete. Nothing was changed/);
    assert.equal(error.next, 'Continue with: npm run clean -- --resume');
    scene.assertUntouched(before);
    scene.registry.before = () => {};
    await scene.cleanly({ resume: true, delete: true, yes: true });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('while the registry restarts puts the setting back', async () => {
    scene.workload.startsWithinMs = 9 * MINUTE;
    const startedAtMs = scene.clock.now();
    const { error } = await scene.clean({ ...DELETING, 'stop-after': '20m' });
    assert.ok(error instanceof WindowOverError, String(error));
    assert.deepEqual(scene.tagsLeft(), before);
    scene.assertPutBack();
    assert.ok(scene.clock.now() - startedAtMs <= 20 * MINUTE);
  });
});
