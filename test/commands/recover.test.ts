import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { recover } from '../../src/commands/recover.ts';
import { RefusedError, RestoreError, UnreachableError } from '../../src/domain/errors.ts';
import { ANNOTATION, VARIABLE } from '../../src/domain/setting-record.ts';
import { MemoryDisk } from '../support/fakes/run-store.ts';
import type { Program } from '../support/fakes/world.ts';
import { Scenario } from './scenario.ts';

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
});

/** A run is killed in the middle of deleting: nothing of the program runs any more. */
async function kill(): Promise<void> {
  const killed = new Error('killed');
  const die = () => {
    throw killed;
  };
  scene.registry.after = ({ operation }) => {
    if (operation !== 'delete') return;
    scene.registry.before = die;
    scene.workload.before = die;
    scene.pod.before = die;
    scene.disk.before = die;
    scene.lease.before = die;
  };
  await scene.clean({ delete: true, yes: true });
  scene.registry.after = scene.registry.before = scene.workload.before = scene.pod.before = () => {};
  scene.disk.before = () => {};
  scene.lease.before = () => {};
}

async function recovered(): Promise<Program> {
  const program = scene.start();
  await recover(program.world);
  return program;
}

describe('recovering', () => {
  it('puts everything right from what stands in the cluster alone, and says who left it', async () => {
    await kill();
    assert.equal(scene.workload.deletionEnabled(), true);
    assert.notEqual(scene.pod.owner, undefined);
    const { person } = await recovered();
    scene.assertPutBack();
    assert.match(person.said.join('\n'), /Run \S+ of ann@laptop has enabled deletion, on 2026-11-23T/);
    assert.deepEqual(person.shown, ['teardown: done', 'disable-delete: as before']);
  });

  it('changes nothing where nothing was left', async () => {
    const { person } = await recovered();
    scene.assertPutBack();
    assert.deepEqual(scene.workload.patches, []);
    assert.deepEqual(person.shown, ['teardown: there is none', 'disable-delete: no run has changed it']);
  });

  it('leaves a setting alone that somebody else has made', async () => {
    scene = new Scenario([{ name: VARIABLE, value: 'true' }]);
    await recovered();
    assert.deepEqual(scene.workload.patches, []);
  });

  it('puts the setting back from the lease, where the annotation has been stripped', async () => {
    await kill();
    scene.workload.annotate(ANNOTATION, undefined);
    const { person } = await recovered();
    scene.assertPutBack();
    assert.match(person.said.join('\n'), /Run \S+ of ann@laptop has enabled deletion, on 2026-11-23T/);
  });

  it('is refused while the run is at work', async () => {
    await kill();
    scene.lease.fate = 'working';
    const before = scene.workload.snapshot();
    await assert.rejects(recovered(), RefusedError);
    assert.deepEqual(scene.workload.snapshot(), before);
    assert.notEqual(scene.pod.owner, undefined);
  });

  it('leaves what somebody has changed meanwhile', async () => {
    await kill();
    scene.workload.setVariable('false');
    const { person } = await recovered();
    assert.match(person.shown.join('\n'), /left as it is now/);
    assert.deepEqual((scene.workload.snapshot() as { annotations: object }).annotations, {});
  });

  it('puts the setting back although the pod cannot be deleted', async () => {
    await kill();
    scene.pod.before = (call) => {
      if (call === 'remove') throw new RefusedError('it is not ours');
    };
    await assert.rejects(recovered(), RefusedError);
    assert.deepEqual(scene.workload.snapshot(), scene.pristine);
  });

  it('is done by whoever may not see pods: that is said', async () => {
    await kill();
    scene.pod.before = () => {
      throw new UnreachableError('get pods: forbidden (403)', { forbidden: true });
    };
    const { person } = await recovered();
    assert.match(person.warnings.join(), /not seen whether a run has left its pod.*403/);
    assert.deepEqual(scene.workload.snapshot(), scene.pristine);
  });

  it('says so when it cannot put the setting back', async () => {
    await kill();
    scene.workload.before = (call) => {
      if (call === 'patch') throw new UnreachableError('forbidden', { forbidden: true });
    };
    await assert.rejects(recovered(), RestoreError);
  });

  it('does not touch what is no annotation of ours', async () => {
    scene.workload.annotate(
      ANNOTATION,
      '{"run":"x","by":"y","since":"z","container":"registry","previous":{"form":"rm -rf"}}',
    );
    const before = scene.workload.snapshot();
    await assert.rejects(recovered());
    assert.deepEqual(scene.workload.snapshot(), before);
    assert.deepEqual(scene.workload.patches, []);
  });
});

describe('every start', () => {
  it('without the state of the run finds it out and says how to put it right', async () => {
    await kill();
    Object.assign(scene, { disk: new MemoryDisk() });
    // Somebody has deleted the lease; with it, whoever deletes next puts everything right.
    scene.lease.record = undefined;
    for (const flags of [{}, { delete: true, yes: true }, { fresh: true }]) {
      const { error } = await scene.clean(flags);
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, /of ann@laptop has enabled deletion in container registry/);
      assert.match(error.next, /recover/);
    }
    await recovered();
    await scene.cleanly({ delete: true, yes: true });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    scene.assertPutBack();
  });

  it('that deletes puts right first what the lease tells of, and leaves alone who is at work', async () => {
    await kill();
    Object.assign(scene, { disk: new MemoryDisk() });
    scene.lease.fate = 'working';
    const before = scene.workload.snapshot();
    const { error } = await scene.clean({ delete: true, yes: true });
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /Another run is at work .* of ann@laptop/);
    assert.deepEqual(scene.workload.snapshot(), before);
    scene.lease.fate = 'silent';
    const { program } = await scene.cleanly({ delete: true, yes: true });
    assert.match(program.person.said.join('\n'), /has ended without putting everything back/);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    scene.assertPutBack();
  });
});
