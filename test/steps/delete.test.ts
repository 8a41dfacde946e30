import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InterruptedError, RegistryError, StorageError, UnreachableError } from '../../src/domain/errors.ts';
import { LeaseLostError } from '../../src/domain/lease.ts';
import { legacyRepository, NEW_REPOSITORY } from '../../src/domain/names.ts';
import { deleteTags } from '../../src/steps/delete.ts';
import { ImagesInUse } from '../../src/steps/in-use.ts';
import { A, B, digest } from '../domain/builders.ts';
import { temporary } from '../support/fakes/registry.ts';
import { LEGACY, manyTags, planned } from './planned.ts';
import { deletingScene, type Scene } from './scene.ts';

describe('deleting', () => {
  it('deletes a manifest once for all doomed tags on it, and nothing else', async () => {
    const scene = await planned(['1 one', '2 one', '3 three', 'buildcache cache']);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', 'buildcache']);
    assert.equal(scene.registry.count('delete'), 2);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'deleted', 2: 'deleted', 3: 'deleted' });
    assert.deepEqual(scene.journal().sort(), ['1 deleted', '2 deleted', '3 deleted']);
  });

  it('looks at each tag immediately before', async () => {
    const scene = await planned(['1 one']);
    await scene.step(deleteTags);
    assert.deepEqual(
      scene.registry.calls.map(({ operation, reference }) => [operation, reference]),
      [
        ['resolve', '1'],
        ['delete', digest('one')],
      ],
    );
  });

  it('counts what is gone already', async () => {
    const scene = await planned(['1 one', '2 two']);
    await scene.registry.deleteManifest(LEGACY, digest('one'));
    scene.registry.calls.length = 0;
    await scene.step(deleteTags);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'alreadyGone', 2: 'deleted' });
    assert.equal(scene.registry.count('delete'), 1);
  });

  it('moves a list as soon as its last tag is gone', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(legacyRepository(B), '1', 'other');
    scene.registry.after = ({ operation, reference }) => {
      if (operation === 'delete' && reference === digest('one'))
        assert.equal(scene.disk.latest.lists.has(`tags/${LEGACY}`), true);
    };
    await scene.step(deleteTags);
    assert.deepEqual([...scene.disk.latest.lists.keys()], [`tags/done/${LEGACY}`]);
  });

  it('leaves the list of a repository where something is left', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'delete' && reference === digest('two'))
        throw new RegistryError('no', { failure: 'other' });
    };
    await scene.step(deleteTags);
    assert.deepEqual([...scene.disk.latest.lists.keys()], [`tags/${LEGACY}`]);
  });

  it('judges the end of a repository in a time that does not grow with its size', async () => {
    const scene = await planned(manyTags(200));
    let looks = 0;
    const isGone = scene.outcomes.isGone.bind(scene.outcomes);
    scene.outcomes.isGone = (...tag) => {
      looks += 1;
      return isGone(...tag);
    };
    await scene.step(deleteTags);
    assert.equal(scene.outcomes.with('deleted').length, 200);
    assert.ok(looks <= 400, `${looks} looks at outcomes for 200 tags`);
  });
});

describe('a temporary failure', () => {
  it('is tried again after a growing wait, and the tag is looked at again first', async () => {
    const scene = await planned(['1 one']);
    let failures = 0;
    scene.registry.before = ({ operation }) => {
      if (operation === 'delete' && failures < 3) {
        failures += 1;
        throw temporary();
      }
    };
    await scene.step(deleteTags);
    assert.deepEqual(scene.clock.sleeps, [375, 750, 1500]);
    assert.equal(scene.registry.count('resolve'), 4);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'deleted' });
  });

  it('that hid a success is no failure', async () => {
    const scene = await planned(['1 one', '2 one']);
    scene.registry.after = ({ operation }) => {
      if (operation === 'delete') throw temporary('the connection was cut');
    };
    await scene.step(deleteTags);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'alreadyGone', 2: 'alreadyGone' });
    assert.equal(scene.registry.count('delete'), 1);
  });

  it('does not delete what has moved meanwhile', async () => {
    const scene = await planned(['1 one']);
    scene.registry.before = ({ operation }) => {
      if (operation !== 'delete') return;
      scene.registry.push(LEGACY, '1', 'rebuilt');
      throw temporary();
    };
    await scene.step(deleteTags);
    assert.equal(scene.registry.count('delete'), 1);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted' });
  });

  it('that lasts is recorded, and after three of them the rest is not tried', async () => {
    const scene = await planned(manyTags(60));
    scene.registry.before = ({ operation }) => {
      if (operation === 'delete') throw temporary();
    };
    await assert.rejects(scene.step(deleteTags), UnreachableError);
    const failed = scene.outcomes.with('failed').length;
    assert.ok(failed >= 3 && failed < 30, `${failed} failed`);
    assert.equal(scene.journal().length, failed);
  });
});

describe('any other failure', () => {
  it('is recorded with its reason, and the rest goes on', async () => {
    const scene = await planned(['1 one', '2 two', '3 three', '4 four', '5 five']);
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'delete' && reference !== digest('five'))
        throw new RegistryError('it is in use', { failure: 'other' });
    };
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', '1', '2', '3', '4']);
    assert.deepEqual(
      scene.disk.latest.journal.filter(({ outcome }) => outcome === 'failed').map(({ reason }) => reason),
      Array.from({ length: 4 }, () => 'it is in use'),
    );
  });

  for (const failure of ['unauthorized', 'forbidden', 'unsupported'] as const)
    it(`stops early when everything is ${failure}`, async () => {
      const scene = await planned(manyTags(100));
      scene.registry.before = ({ operation }) => {
        if (operation === 'delete') throw new RegistryError('no', { failure, next: 'Ask somebody.' });
      };
      await assert.rejects(scene.step(deleteTags), (error: unknown) => {
        assert.ok(error instanceof UnreachableError);
        assert.match(error.message, /refuses every deletion/);
        assert.equal(error.next, 'Ask somebody.');
        return true;
      });
      assert.ok(scene.registry.count('delete') < 40, `${scene.registry.count('delete')} tries`);
    });

  it('is no reason to stop as long as others succeed', async () => {
    const scene = await planned(manyTags(40));
    scene.context = { ...scene.context, settings: { ...scene.context.settings, concurrency: 1 } };
    let tries = 0;
    scene.registry.before = ({ operation }) => {
      if (operation !== 'delete') return;
      tries += 1;
      if (tries % 3 !== 0) throw new RegistryError('no', { failure: 'forbidden' });
    };
    await scene.step(deleteTags);
    assert.equal(scene.outcomes.with('failed').length + scene.outcomes.with('deleted').length, 40);
  });

  it('of the kind 405 is blamed on whoever has changed the setting back', async () => {
    const scene = await planned(['1 one', '2 two', '3 three', '4 four']);
    scene.workload.setVariable('false');
    scene.clock.advance(60_000);
    scene.workload.isUp();
    scene.clock.advance(60_000);
    await assert.rejects(scene.step(deleteTags), /deletion setting was changed back/);
    assert.deepEqual(scene.registry.tags(LEGACY).length, 5);
  });
});

describe('an interruption', () => {
  it('begins no further deletion, and what was done is on disk', async () => {
    const scene = await planned(manyTags(100));
    const reason = new InterruptedError('SIGINT');
    let deleted = 0;
    scene.registry.after = ({ operation }) => {
      if (operation !== 'delete') return;
      deleted += 1;
      if (deleted === 10) scene.interrupt(reason);
    };
    await assert.rejects(scene.step(deleteTags), reason);
    assert.ok(deleted < 30, `${deleted} deleted`);
    assert.equal(scene.journal().length, deleted);
    assert.equal(scene.registry.tags(LEGACY).length, 101 - deleted);
  });
});

describe('a run that another one has taken over', () => {
  it('deletes nothing more', async () => {
    const scene = await planned(manyTags(100));
    let deleted = 0;
    scene.registry.after = ({ operation }) => {
      if (operation === 'delete') deleted += 1;
      if (deleted === 10) scene.lease.fate = 'silent';
    };
    await assert.rejects(scene.step(deleteTags), LeaseLostError);
    assert.ok(deleted < 30, `${deleted} deleted`);
  });
});

describe('an image that something has begun to run since the plan was made', () => {
  it('stays, by its tag or by its digest', async () => {
    const scene = await planned(['1 one', '2 two', '3 three']);
    scene.clock.advance(60_000);
    scene.imagesInUse.uses = [
      { image: `host:5000/${LEGACY}:1`, by: 'Pod compute/a' },
      { image: `other.host/${LEGACY}@${digest('two')}`, by: 'Pod compute/b' },
    ];
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', '1', '2']);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted', 2: 'drifted', 3: 'deleted' });
  });

  it('stays also if that was only a moment ago', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.imagesInUse.uses = [{ image: `host:5000/${LEGACY}:1`, by: 'Pod compute/a' }];
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', '1']);
  });

  it('stays if others are being deleted by then, except in the few seconds that a look is good for', async () => {
    const scene = await planned(manyTags(100));
    const used = scene.registry.tags(LEGACY).at(-1);
    let deleted = 0;
    scene.registry.after = ({ operation }) => {
      if (operation === 'delete') deleted += 1;
      if (deleted !== 10) return;
      scene.imagesInUse.uses = [{ image: `host:5000/${LEGACY}:${used}`, by: 'Pod compute/a' }];
      scene.clock.advance(5000);
    };
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', used]);
    assert.ok(scene.imagesInUse.looks < 10, 'not for each tag');
  });

  it('stays although the clock was set back since others were deleted', async () => {
    const scene = await planned(manyTags(100));
    const used = scene.registry.tags(LEGACY).at(-1);
    let deleted = 0;
    scene.registry.after = ({ operation }) => {
      if (operation === 'delete') deleted += 1;
      if (deleted !== 10) return;
      scene.imagesInUse.uses = [{ image: `host:5000/${LEGACY}:${used}`, by: 'Pod compute/a' }];
      scene.clock.advance(-3600_000);
    };
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', used]);
  });
});

describe('an API server that cannot tell what is in use', () => {
  /** It fails from the tenth deletion on, for so long. */
  async function failing(forMs: number, failure: UnreachableError): Promise<Scene> {
    const scene = await planned(manyTags(100));
    let failingUntilMs: number | undefined;
    let deleted = 0;
    scene.registry.after = ({ operation }) => {
      if (operation === 'delete') deleted += 1;
      if (deleted !== 10) return;
      failingUntilMs ??= scene.clock.now() + forMs;
      scene.clock.advance(5000);
    };
    scene.imagesInUse.before = () => {
      if (scene.clock.now() < (failingUntilMs ?? 0)) throw failure;
    };
    return scene;
  }

  const down = new UnreachableError('connection refused');
  const forbidden = new UnreachableError('403', { forbidden: true });

  for (const [what, failure] of Object.entries({ 'is away': down, 'has just started': forbidden }))
    it(`is waited for while it ${what}`, async () => {
      const scene = await failing(40_000, failure);
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    });

  it('is not waited for for ever', async () => {
    const scene = await failing(10 * 60_000, down);
    await assert.rejects(scene.step(deleteTags), /connection refused/);
    assert.ok(scene.registry.tags(LEGACY).length > 60);
  });

  it('is not waited for for as long as the clock was set back', async () => {
    const scene = await failing(10 * 60_000, down);
    let isSetBack = false;
    const fail = scene.imagesInUse.before;
    scene.imagesInUse.before = () => {
      try {
        fail();
      } catch (error) {
        if (!isSetBack) scene.clock.advance(-3600_000);
        isSetBack = true;
        throw error;
      }
    };
    const startedMs = scene.clock.now();
    await assert.rejects(scene.step(deleteTags), /connection refused/);
    assert.ok(scene.clock.now() < startedMs);
  });

  it('is not waited for before anything has begun', async () => {
    const { imagesInUse: port, clock, context } = await planned(['1 one']);
    const startedMs = clock.now();
    port.before = () => {
      throw down;
    };
    const { signal } = context;
    const first = new ImagesInUse({ port, known: [], maySeeLess: false, clock, signal });
    await assert.rejects(first.now(), /connection refused/);
    assert.equal(clock.now(), startedMs);
  });
});

describe('a failing disk', () => {
  it('stops deleting when outcomes cannot be noted', async () => {
    const scene = await planned(manyTags(100));
    let noted = 0;
    scene.disk.before = (call) => {
      if (call !== 'append') return;
      noted += 1;
      if (noted > 10) throw new StorageError('Could not write the journal (ENOSPC).');
    };
    await assert.rejects(scene.step(deleteTags), StorageError);
    assert.ok(scene.registry.tags(LEGACY).length > 60);
    assert.equal(scene.outcomes.with('failed').length, 0);
  });
});

describe('both naming schemes', () => {
  it('are deleted from, the new repository first', async () => {
    const scene = deletingScene();
    scene.registry.push(NEW_REPOSITORY, `${A}-9`, 'kept');
    scene.registry.push(NEW_REPOSITORY, `${A}-1`, 'new');
    scene.registry.push(NEW_REPOSITORY, `${B}-1`, 'other');
    await planned(['1 old'], scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(NEW_REPOSITORY), [`${A}-9`, `${B}-1`]);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    const deletions = scene.registry.calls.filter(({ operation }) => operation === 'delete');
    assert.deepEqual(
      deletions.map(({ repository }) => repository),
      [NEW_REPOSITORY, LEGACY],
    );
  });
});
