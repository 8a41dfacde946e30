/** The check after deleting within a whole run: when it is made, what it leads to, and what it must not endanger. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { InterruptedError, RegistryError, RestoreError, UnreachableError } from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { verifyFigures } from '../../src/domain/verify.ts';
import { A } from '../domain/builders.ts';
import type { Program } from '../support/fakes/world.ts';
import { Scenario } from './scenario.ts';

const DELETE = { delete: true, yes: true };
const KEPT = `${A}-4`;

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
});

/** Calls `change` when the registry is put back, before it is looked at. */
function whenRestored(change: () => void): void {
  let isDone = false;
  scene.registry.before = ({ operation }) => {
    if (isDone || operation !== 'list' || scene.workload.patches.length < 2) return;
    isDone = true;
    change();
  };
}

function shown(program: Program): string | undefined {
  return program.person.shown.find((line) => line.startsWith('verify: '));
}

describe('a run that deletes', () => {
  it('checks what it has done, when the setting is put back and before the pod goes', async () => {
    const { program, failed } = await scene.cleanly(DELETE);
    assert.deepEqual(
      program.person.shown.slice(-3).map((line) => line.split(':')[0]),
      ['disable-delete', 'verify', 'teardown'],
    );
    assert.equal(failed, 0);
    assert.partialDeepStrictEqual(verifyFigures(program.tally.verification()), {
      ...{ verify: 'sample', verified: 6, lost: 0, moved: 0 },
    });
    assert.equal(scene.workload.deletionEnabled(), false);
  });

  it('fails for what is lost, and may be resumed to be checked again', async () => {
    whenRestored(() => scene.registry.untag(NEW_REPOSITORY, KEPT));
    const { program, failed } = await scene.cleanly(DELETE);
    assert.equal(failed, 1);
    assert.equal(verifyFigures(program.tally.verification()).lost, 1);
    assert.equal(program.tally.undo, `npm run clean -- undo ${scene.record.id}`);
    assert.equal(scene.record.stage, 'incomplete');
    scene.assertPutBack();

    scene.registry.push(NEW_REPOSITORY, KEPT, 'a4');
    const again = await scene.cleanly({ ...DELETE, resume: true });
    assert.equal(again.failed, 0);
    assert.equal(scene.record.stage, 'finished');
    assert.equal(scene.workload.patches.length, 2, 'the registry was not restarted again');
  });

  it('fails for what is there again', async () => {
    whenRestored(() => scene.registry.push(NEW_REPOSITORY, `${A}-1`, 'a1'));
    const { failed } = await scene.cleanly(DELETE);
    assert.equal(failed, 1);
    assert.equal(scene.record.stage, 'incomplete');
  });

  it('does not fail for what somebody has pushed, nor for an image that was not whole before', async () => {
    scene.registry.canReadContent();
    scene.registry.loseBlob('layer of c1');
    whenRestored(() => scene.registry.push(NEW_REPOSITORY, KEPT, 'pushed'));
    const { program, failed } = await scene.cleanly(DELETE);
    assert.equal(failed, 0);
    assert.partialDeepStrictEqual(verifyFigures(program.tally.verification()), {
      ...{ lost: 0, moved: 1, notWhole: 1 },
    });
    assert.equal(scene.record.stage, 'finished');
  });
});

describe('the check is passed over', () => {
  it('by a run that only plans', async () => {
    const { program } = await scene.cleanly({});
    assert.equal(shown(program), 'verify: skipped (nothing was deleted)');
    assert.equal(verifyFigures(program.tally.verification()).verify, 'none');
  });

  it('where it is not wanted', async () => {
    const { program } = await scene.cleanly({ ...DELETE, verify: 'none' });
    assert.equal(shown(program), 'verify: skipped (--verify none)');
    assert.equal(scene.record.stage, 'finished');
  });

  it('by a run that was interrupted, and made by its resume', async () => {
    const { program } = await scene.clean(DELETE, (program) => {
      program.person.before = (step) => {
        if (step === 'move-done') program.interrupt(new InterruptedError('SIGINT'));
        if (step === 'disable-delete') program.interrupt(new InterruptedError('SIGINT'));
      };
    });
    assert.equal(shown(program), 'verify: skipped (interrupted; --resume makes up for it)');
    const again = await scene.cleanly({ resume: true });
    assert.match(shown(again.program) ?? '', /^verify: 6 kept as before/);
  });

  it('by one that was interrupted while the setting was put back', async () => {
    const { program, error } = await scene.clean(DELETE, (program) => {
      program.person.before = (step) => {
        if (step === 'disable-delete') program.interrupt(new InterruptedError('SIGHUP'));
      };
    });
    assert.ok(error instanceof InterruptedError);
    assert.equal(shown(program), 'verify: skipped (interrupted; --resume makes up for it)');
    scene.assertPutBack();
  });

  it('by one that did not come to its end', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'delete') throw new RegistryError('403', { failure: 'forbidden' });
    };
    const { program, error } = await scene.clean(DELETE);
    assert.ok(error instanceof UnreachableError);
    assert.equal(
      shown(program),
      'verify: skipped (the run did not come to its end; --resume makes up for it)',
    );
    scene.assertPutBack();
  });

  it('when the setting could not be put back', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation !== 'delete') return;
      scene.workload.before = () => {
        throw new UnreachableError('connection refused');
      };
    };
    const { program, error } = await scene.clean(DELETE);
    assert.ok(error instanceof RestoreError);
    assert.equal(shown(program)?.startsWith('verify: skipped'), true, shown(program));
    assert.equal(scene.pod.owner, undefined);
  });
});

describe('a check that cannot be made', () => {
  it('for want of the registry fails the run, which is resumed to be checked; the pod goes', async () => {
    whenRestored(() => {
      scene.registry.isUp = () => false;
    });
    const { error, program } = await scene.clean(DELETE);
    assert.ok(error instanceof UnreachableError);
    assert.ok(program.person.shown.includes('teardown: done'));
    scene.assertPutBack();
    assert.equal(scene.record.stage, 'deleting');
    scene.registry.isUp = () => scene.workload.isUp();
    await scene.cleanly({ resume: true });
    assert.equal(scene.record.stage, 'finished');
  });

  it('for a defect does not keep the pod', async () => {
    whenRestored(() => {
      throw new TypeError('undefined is not a function');
    });
    const { error } = await scene.clean(DELETE);
    assert.ok(error instanceof TypeError);
    scene.assertPutBack();
  });

  it('to its end for a signal leaves a run that is resumed to be checked; the signal is told once', async () => {
    const { error, program } = await scene.clean(DELETE, (program) => {
      whenRestored(() => program.interrupt(new InterruptedError('SIGTERM')));
    });
    assert.ok(error instanceof InterruptedError);
    assert.match(error.next, /--resume/);
    assert.deepEqual(program.person.warnings, []);
    scene.assertPutBack();
    assert.equal(verifyFigures(program.tally.verification()).verify, 'incomplete');
    const again = await scene.cleanly({ resume: true });
    assert.match(shown(again.program) ?? '', /^verify: 6 kept as before, 4 gone/);
  });
});
