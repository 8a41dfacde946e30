import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { RegistryError, StorageError, UnreachableError } from '../../src/domain/errors.ts';
import { legacyRepository } from '../../src/domain/names.ts';
import { stepKeys } from '../../src/domain/run.ts';
import { AwakeClock } from '../../src/steps/awake-clock.ts';
import { concurrently } from '../../src/steps/concurrently.ts';
import { deployPod } from '../../src/steps/deploy-pod.ts';
import {
  checking,
  collecting,
  deleting,
  leaving,
  listing,
  restoring,
  stoppingPushes,
  view,
} from '../../src/steps/index.ts';
import { moveDone } from '../../src/steps/move-done.ts';
import { teardown } from '../../src/steps/teardown.ts';
import { A, B, entry } from '../domain/builders.ts';
import { temporary } from '../support/fakes/registry.ts';
import { RUN, Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await new Scene().begin({ environments: [entry(A), entry(B)], stage: 'reviewed' });
});

describe('the mission', () => {
  it('has every step once, in the order of the design', () => {
    assert.deepEqual(
      [...listing, ...deleting, ...stoppingPushes, ...collecting, ...restoring, ...checking, ...leaving].map(
        ({ key }) => key,
      ),
      stepKeys,
    );
  });
});

describe('deploy pod', () => {
  it('ends what an earlier start has left at work before anything else', async () => {
    await scene.step(deployPod);
    assert.equal(scene.pod.owner, RUN);
    assert.deepEqual(
      scene.registry.calls.map(({ operation }) => operation),
      ['quiesce', 'check'],
    );
  });

  it('finds a wrong password at once', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'check') throw new RegistryError('401', { failure: 'unauthorized' });
    };
    await assert.rejects(scene.step(deployPod), /401/);
    assert.equal(scene.registry.count('check'), 1);
  });

  it('waits for a registry that is just restarting, but not for ever', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'check') throw temporary();
    };
    await assert.rejects(scene.step(deployPod), /503/);
    assert.equal(scene.registry.count('check'), 6);
    assert.match(scene.person.statuses.join('\n'), /does not answer yet/);
  });

  it('names the other ways when the registry cannot be reached by this one, and only then', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'check') throw temporary();
    };
    const nextOf = (failed: unknown) => {
      assert.ok(failed instanceof UnreachableError);
      return failed.next;
    };
    await assert.rejects(scene.step(deployPod), (error) =>
      /--via port-forward, --via direct/.test(nextOf(error)),
    );
    scene.registry.before = ({ operation }) => {
      if (operation === 'check') throw new RegistryError('401', { failure: 'unauthorized' });
    };
    await assert.rejects(scene.step(deployPod), (error) => !/--via/.test(nextOf(error)));
  });

  it('needs no pod where Skopeo runs on this machine', async () => {
    scene.context = { ...scene.context, pod: undefined };
    scene.context = { ...scene.context, settings: { ...scene.context.settings, localSkopeo: true } };
    for (const step of [deployPod, teardown]) assert.match(step.skip?.(scene.context) ?? '', /this machine/);
  });

  it('needs no pod by a route that has none, and says which', async () => {
    scene.context = { ...scene.context, pod: undefined };
    scene.context = { ...scene.context, settings: { ...scene.context.settings, via: 'direct' } };
    for (const step of [deployPod, teardown])
      assert.match(step.skip?.(scene.context) ?? '', /--via direct needs none/);
  });
});

describe('teardown', () => {
  it('deletes the pod', async () => {
    await scene.step(deployPod);
    await scene.step(teardown);
    assert.equal(scene.pod.owner, undefined);
    assert.equal(await scene.step(teardown), 'the pod was gone already');
  });

  it('deletes the pod although letting go of the connections fails', async () => {
    await scene.step(deployPod);
    scene.registry.before = ({ operation }) => {
      if (operation === 'close') throw new TypeError('a defect');
    };
    await assert.rejects(scene.step(teardown), TypeError);
    assert.equal(scene.pod.owner, undefined);
  });
});

describe('move to tags/done', () => {
  it('moves the lists that are done, and leaves the others', async () => {
    for (const id of [A, B]) scene.registry.push(legacyRepository(id), '1', `one of ${id}`.slice(0, 20));
    await scene.list();
    const [tag] = scene.registry.tags(legacyRepository(A));
    assert.ok(tag);
    scene.outcomes.record({ at: '', repository: legacyRepository(A), tag, outcome: 'alreadyGone' });
    assert.equal(await scene.step(moveDone), '1 list done, 1 with tags left');
    assert.deepEqual([...scene.disk.latest.lists.keys()].sort(), [
      `tags/${legacyRepository(B)}`,
      `tags/done/${legacyRepository(A)}`,
    ]);
    assert.equal(await scene.step(moveDone), '1 list done, 1 with tags left', 'a second time is harmless');
  });
});

describe('a step of the list', () => {
  it('has its start on disk before it begins, and its end when it has ended', async () => {
    const step = {
      key: 'delete',
      run: async () => {
        assert.equal(scene.run.record.steps.delete?.state, 'running');
        scene.clock.advance(1000);
        return 'two tags';
      },
    } as const;
    await view(step, scene.context).run(scene.person.progress);
    assert.deepEqual(scene.run.record.steps.delete, {
      state: 'done',
      startedAt: '2026-11-23T10:00:00.000Z',
      endedAt: '2026-11-23T10:00:01.000Z',
      note: 'two tags',
    });
  });

  it('has its failure on disk', async () => {
    const step = { key: 'delete', run: () => Promise.reject(new Error('no')) } as const;
    await assert.rejects(view(step, scene.context).run(scene.person.progress), /no/);
    assert.deepEqual(
      [scene.run.record.steps.delete?.state, scene.run.record.steps.delete?.note],
      ['failed', 'no'],
    );
  });

  it('does not begin when that cannot be written down', async () => {
    scene.disk.before = () => {
      throw new StorageError('disk full');
    };
    const step = { key: 'delete', run: () => assert.fail('it was begun') } as const;
    await assert.rejects(view(step, scene.context).run(scene.person.progress), StorageError);
  });

  it('of the safety net is run all the same', async () => {
    await scene.step(deployPod);
    scene.disk.before = () => {
      throw new StorageError('disk full');
    };
    await view(teardown, scene.context).run(scene.person.progress);
    assert.equal(scene.pod.owner, undefined);
    assert.match(scene.person.warnings.join('\n'), /disk full/);
  });
});

describe('many operations', () => {
  it('are so many at a time', async () => {
    let running = 0;
    let most = 0;
    await concurrently(Array.from({ length: 20 }), 3, async () => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
    });
    assert.equal(most, 3);
  });

  it('begin no further after a failure, and wait for those under way', async () => {
    const { promise: open, resolve: finish } = Promise.withResolvers<void>();
    const begun: number[] = [];
    const all = concurrently([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error('first');
      await open;
    });
    let ended = false;
    all
      .catch(() => {})
      .finally(() => {
        ended = true;
      });
    await Promise.resolve();
    assert.equal(ended, false);
    finish();
    await assert.rejects(all, /first/);
    assert.deepEqual(begun, [1, 2]);
  });
});

describe('a clock for limits on waiting', () => {
  const { signal } = new AbortController();

  it('counts what was waited for, and what is done in between', async () => {
    const clock = new AwakeClock(scene.clock, 300_000);
    const startedMs = clock.now();
    await clock.sleep(200_000, signal);
    scene.clock.advance(20_000);
    assert.equal(clock.now() - startedMs, 220_000);
  });

  for (const [limitMs, countedMs] of [
    [300_000, 60_000],
    [3_000_000, 60_000],
    [30_000, 6000],
  ] as const)
    it(`hardly counts that the machine was asleep, for a limit of ${limitMs} ms`, async () => {
      const clock = new AwakeClock(scene.clock, limitMs);
      const startedMs = clock.now();
      scene.clock.advance(3600_000);
      assert.equal(clock.now() - startedMs, countedMs);
      const asleep = clock.sleep(1000, signal);
      scene.clock.advance(3600_000);
      await asleep;
      assert.equal(clock.now() - startedMs, countedMs + 1000);
    });

  it('goes on when it was set back', async () => {
    const clock = new AwakeClock(scene.clock, 300_000);
    const startedMs = clock.now();
    scene.clock.advance(-3600_000);
    assert.equal(clock.now() - startedMs, 0);
    await clock.sleep(1000, signal);
    assert.equal(clock.now() - startedMs, 1000);
  });
});
