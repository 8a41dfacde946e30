import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { runEach } from '../../src/commands/safety-net.ts';
import {
  InterruptedError,
  RefusedError,
  RestoreError,
  StorageError,
  UnreachableError,
} from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { stepKeys } from '../../src/domain/run.ts';
import { A } from '../domain/builders.ts';
import { FakePerson } from '../support/fakes/person.ts';
import { Scenario } from './scenario.ts';

const DELETE = { delete: true, yes: true };

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
});

/** The API server does nothing any more from the first deletion on. */
function loseApiServer(): void {
  scene.registry.after = ({ operation }) => {
    if (operation !== 'delete') return;
    scene.workload.before = () => {
      throw new UnreachableError('connection refused');
    };
  };
}

describe('whatever ends the work', () => {
  const ends: Record<string, Error> = {
    'a refusal': new RefusedError('no'),
    'a cluster out of reach': new UnreachableError('500'),
    'a full disk': new StorageError('disk full'),
    'a defect': new TypeError('undefined is not a function'),
    'a signal': new InterruptedError('SIGHUP'),
  };
  for (const [what, reason] of Object.entries(ends))
    for (const occasion of ['append', 'finish', 'flush'] as const)
      it(`the registry is put back and the pod is gone: ${what}, at the ${occasion} of a deletion`, async () => {
        let isDeleting = false;
        scene.registry.after = ({ operation }) => {
          isDeleting ||= operation === 'delete';
        };
        scene.disk.before = (call) => {
          if (isDeleting && call === occasion) throw reason;
        };
        const { error } = await scene.clean(DELETE);
        assert.equal(error?.constructor, reason.constructor);
        scene.assertPutBack();
        assert.equal(scene.record.stage, 'deleting');
        scene.disk.before = () => {};
        await scene.cleanly({ resume: true });
        assert.deepEqual(scene.tagsLeft(), Scenario.kept);
        scene.assertPutBack();
      });

  for (const key of stepKeys)
    it(`a signal in the step ${key}`, async () => {
      const { error } = await scene.clean({ ...DELETE, reclaim: true }, (program) => {
        program.person.before = (step) => {
          if (step === key) program.interrupt(new InterruptedError('SIGINT'));
        };
      });
      assert.ok(error instanceof InterruptedError, `${error}`);
      scene.assertPutBack();
      await scene.cleanly({ resume: true });
      assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    });

  it('a journal that cannot be written ends the deletion, and the exit code tells of the storage', async () => {
    scene.disk.before = (call) => {
      if (call === 'append') throw new StorageError('Could not write the journal (ENOSPC).');
    };
    for (let revision = 5; revision < 65; revision += 1)
      scene.registry.push(NEW_REPOSITORY, `${A}-${revision}`, `more-${revision}`);
    const { error } = await scene.clean({ ...DELETE, concurrency: '1' });
    assert.ok(error instanceof StorageError);
    assert.ok(scene.registry.count('delete') <= 2, 'only what was under way is done');
    scene.assertPutBack();
  });

  it('a disk that is full from the first deletion on does not keep the registry from being put back', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation !== 'delete') return;
      scene.disk.before = () => {
        throw new StorageError('disk full');
      };
    };
    const { error, program } = await scene.clean(DELETE);
    assert.ok(error instanceof StorageError);
    scene.assertPutBack();
    assert.match(program.person.warnings.join('\n'), /disk full/);
  });
});

describe('a setting that cannot be put back', () => {
  beforeEach(loseApiServer);

  it('outranks everything, and its error has the command', async () => {
    scene.disk.before = (call) => {
      if (call === 'append') throw new StorageError('disk full');
    };
    const { error, program } = await scene.clean(DELETE);
    assert.ok(error instanceof RestoreError);
    assert.match(error.next, /kubectl .* patch statefulset\/docker-registry/);
    assert.match(program.person.warnings.join('\n'), /disk full/, 'the other failure is told as well');
  });

  it('is told with a defect of the work as well', async () => {
    scene.disk.before = (call) => {
      if (call === 'append') throw new TypeError('undefined is not a function');
    };
    const { error, program } = await scene.clean(DELETE);
    assert.ok(error instanceof RestoreError);
    assert.match(program.person.warnings.join('\n'), /undefined is not a function/);
  });

  it('does not keep the pod', async () => {
    await scene.clean(DELETE);
    assert.equal(scene.pod.owner, undefined);
  });

  it('leaves a run that is resumed when the API server is back', async () => {
    await scene.clean(DELETE);
    scene.workload.before = () => {};
    scene.registry.after = () => {};
    await scene.cleanly({ resume: true });
    scene.assertPutBack();
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });
});

describe('a machine that sleeps while the registry is put back', () => {
  /** It falls asleep for an hour at the first such call; when it wakes up the network is away for a while. */
  function fallAsleep(at: 'read' | 'pods', awayForMs: number): void {
    let awakeAtMs: number | undefined;
    scene.workload.before = (call) => {
      if (awakeAtMs === undefined) {
        // The second change of the setting puts it back: its rollout is looked at through its pods.
        const changes = at === 'read' ? 1 : 2;
        if (call !== at || scene.workload.patches.length !== changes || scene.registry.count('delete') === 0)
          return;
        scene.clock.advance(3600_000);
        awakeAtMs = scene.clock.now();
      }
      if (scene.clock.now() - awakeAtMs <= awayForMs)
        throw new UnreachableError('the network is not back yet');
    };
  }

  for (const at of ['read', 'pods'] as const)
    it(`has the time that is left when it wakes up: asleep at ${at}`, async () => {
      const { error } = await scene.clean(DELETE, () => fallAsleep(at, 20_000));
      assert.equal(error, undefined, String(error));
      assert.ok(scene.clock.now() > Date.UTC(2026, 10, 23, 11), 'it has slept');
      scene.assertPutBack();
    });

  it('gives up all the same when the cluster does not come back', async () => {
    const { error } = await scene.clean(DELETE, () => fallAsleep('read', Number.POSITIVE_INFINITY));
    assert.ok(error instanceof RestoreError);
    assert.ok(scene.clock.now() < Date.UTC(2026, 10, 23, 11, 10));
  });
});

describe('a pod that cannot be deleted', () => {
  it('fails the run, whose registry is as before', async () => {
    scene.pod.before = (call) => {
      if (call === 'remove') throw new UnreachableError('403');
    };
    const { error } = await scene.clean(DELETE);
    assert.ok(error instanceof UnreachableError);
    assert.deepEqual(scene.workload.snapshot(), scene.pristine);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('weighs less than what ended the work', async () => {
    scene.pod.before = (call) => {
      if (call === 'remove') throw new UnreachableError('the pod stays');
    };
    scene.registry.before = ({ operation }) => {
      if (operation === 'delete') throw new TypeError('a defect');
    };
    const { error, program } = await scene.clean(DELETE);
    assert.ok(error instanceof TypeError);
    assert.match(program.person.warnings.join('\n'), /the pod stays/);
  });
});

describe('the steps of the net', () => {
  it('are each run, also after one that failed', async () => {
    const person = new FakePerson();
    const run: string[] = [];
    const step = (key: 'disable-delete' | 'teardown', error?: Error) => ({
      key,
      title: key,
      skip: undefined,
      run: async () => {
        run.push(key);
        if (error) throw error;
        return undefined;
      },
    });
    const restore = new RestoreError('not put back');
    await assert.rejects(
      runEach(person, [step('teardown', new RefusedError('first')), step('disable-delete', restore)]),
      restore,
    );
    assert.deepEqual(run, ['teardown', 'disable-delete']);
    assert.deepEqual(person.warnings, ['first']);
  });
});
