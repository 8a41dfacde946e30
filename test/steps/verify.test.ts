import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InterruptedError, RegistryError } from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { isEvent } from '../../src/domain/trail.ts';
import { verifyFigures } from '../../src/domain/verify.ts';
import { deleteTags } from '../../src/steps/delete.ts';
import { verify } from '../../src/steps/verify.ts';
import { A, digest, entry } from '../domain/builders.ts';
import { LEGACY, manyTags, planned } from './planned.ts';
import { deletingScene, type Scene } from './scene.ts';

/** A run that has deleted what it planned to. */
async function deleted(lines: readonly string[], scene = deletingScene()): Promise<Scene> {
  await planned(lines, scene);
  for (const [repository, plan] of scene.plans) scene.context.reviewed.set(repository, plan);
  await scene.step(deleteTags);
  scene.registry.calls.length = 0;
  return scene;
}

/** `verdict tag: reason` of what was found. */
function findings(scene: Scene): string[] {
  return (scene.context.verification?.findings ?? []).map(
    ({ verdict, tag, reason }) => `${verdict} ${tag}: ${reason}`,
  );
}

describe('the check after deleting', () => {
  it('finds everything as planned', async () => {
    const scene = await deleted(['1 one', '2 two', 'buildcache cache']);
    assert.equal(
      await scene.step(verify),
      '2 kept as before, 2 gone, 2 images looked into, their layers not looked for: that needs another --via',
    );
    assert.deepEqual(findings(scene), []);
    assert.equal(scene.context.verification?.isComplete, true);
  });

  it('asks for each tag that stays once, and for none that has gone', async () => {
    const scene = await deleted([...manyTags(50), 'buildcache cache']);
    scene.registry.canReadContent();
    await scene.step(verify);
    const { registry } = scene;
    assert.equal(registry.count('list'), 1);
    assert.equal(registry.count('resolve'), 2);
    assert.equal(registry.count('read'), 2);
    assert.equal(registry.count('blob'), 4);
    const changes = registry.calls.filter(
      ({ operation }) => !['list', 'resolve', 'read', 'blob', 'check', 'quiesce'].includes(operation),
    );
    assert.deepEqual(changes, [], 'it changes nothing');
  });

  it('tells what is lost from what somebody has pushed', async () => {
    const scene = await deleted(['1 one', '2 two', 'buildcache cache', 'debug debug']);
    scene.registry.untag(LEGACY, 'buildcache');
    scene.registry.breakManifest(LEGACY, 'debug');
    scene.registry.push(LEGACY, '9', 'pushed');
    scene.registry.push(LEGACY, '1', 'another');
    scene.registry.push(LEGACY, '2', 'two');
    await scene.step(verify);
    assert.deepEqual(
      findings(scene).sort(),
      [
        'lost buildcache: the tag is gone; its manifest is still there',
        'lost debug: the registry lists it, without a manifest; its manifest is gone as well',
        `moved 1: it stands for ${digest('another')} now: somebody has pushed it since`,
        `moved 9: it stands for ${digest('pushed')} now: somebody has pushed it since`,
        `stillThere 2: it stands for ${digest('two')}, which was deleted: that was pushed again, or put back`,
      ].sort(),
    );
    assert.deepEqual(verifyFigures(scene.context.verification), {
      verify: 'sample',
      ...{ verified: 0, moved: 2, lost: 2, stillThere: 1, looked: 0, notWhole: 0 },
    });
  });

  it('knows what had moved before the first deletion', async () => {
    const scene = await planned(['1 one', '2 two']);
    for (const [repository, plan] of scene.plans) scene.context.reviewed.set(repository, plan);
    scene.registry.push(LEGACY, '9', 'pushed');
    // Another start of the program: it holds the plan against the registry again before it deletes.
    scene.context.plans.set(LEGACY, scene.context.plans.get(LEGACY) ?? assert.fail());
    Object.assign(scene.context, { plannedAtMs: undefined });
    await scene.step(deleteTags);
    await scene.step(verify);
    assert.deepEqual(findings(scene), [
      `moved 9: it stands for ${digest('pushed')} now: somebody has pushed it since`,
    ]);
  });

  it('finds everything lost of a repository that is not there any more', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.clear();
    await scene.step(verify);
    assert.deepEqual(findings(scene), ['lost 9: the tag is gone; its manifest is gone as well']);
  });

  it('writes what it has found into the trail', async () => {
    const scene = await deleted(['1 one', 'debug debug']);
    scene.registry.untag(LEGACY, 'debug');
    await scene.step(verify);
    await scene.run.journal.flush();
    const events = scene.disk.latest.trail.filter(isEvent);
    assert.partialDeepStrictEqual(events, [
      { event: 'finding', repository: LEGACY, tag: 'debug', digest: digest('debug'), outcome: 'lost' },
      { event: 'verify', verify: 'sample', verified: 1, lost: 1 },
    ]);
  });

  it('tells what it had found before it was ended', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.untag(LEGACY, '9');
    const interrupt = new InterruptedError('SIGTERM');
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'resolve' && reference === digest('kept')) scene.interrupt(interrupt);
    };
    await assert.rejects(
      scene.step(verify).then(() => scene.context.signal.throwIfAborted()),
      interrupt,
    );
    assert.equal(verifyFigures(scene.context.verification).lost, 1);
  });

  it('sits out a registry that does not answer for a moment, and a pod that has gone', async () => {
    const scene = await deleted(['1 one']);
    scene.pod.owner = undefined;
    let failures = 3;
    scene.registry.before = ({ operation }) => {
      if (operation === 'resolve' && failures-- > 0) throw new RegistryError('503', { failure: 'temporary' });
    };
    await scene.step(verify);
    assert.equal(scene.pod.created, 1);
    assert.deepEqual(findings(scene), []);
  });
});

describe('images that stay', () => {
  it('are looked into, with what they list at any depth', async () => {
    const scene = deletingScene();
    scene.registry.push(LEGACY, '', 'inner', ['amd64', 'arm64']);
    for (const child of ['amd64', 'arm64']) scene.registry.push(LEGACY, '', child);
    scene.registry.push(LEGACY, 'buildcache', 'outer', ['inner']);
    await deleted(['1 one'], scene);
    scene.registry.canReadContent();
    scene.registry.loseBlob('layer of arm64');
    assert.equal(await scene.step(verify), '2 kept as before, 1 gone, 2 images looked into, 1 not whole');
    assert.match(
      findings(scene)[0] ?? '',
      /^notWhole buildcache: sha256:.*, which it needs, is not there; this run deletes no layers/,
    );
  });

  it('are lost when something they list is gone that this run has deleted', async () => {
    const scene = deletingScene();
    scene.registry.canUntie('throw-away');
    scene.registry.push(LEGACY, '1', 'amd64');
    scene.registry.push(LEGACY, 'buildcache', 'index', ['amd64']);
    await deleted(['2 two'], scene);
    assert.deepEqual(scene.outcomesByTag()[1], 'deleted', 'only the tag goes');
    scene.registry.breakManifest(LEGACY, 'amd64');
    for (const readsContent of [false, true]) {
      if (readsContent) scene.registry.canReadContent();
      await scene.step(verify);
      assert.deepEqual(findings(scene), [
        `lost buildcache: ${digest('amd64')}, which it needs, is gone: this run has deleted a tag that stood for it, or an index that listed it`,
      ]);
    }
  });

  it('need not have what was never pushed: that is told, and is no loss', async () => {
    const scene = deletingScene();
    scene.registry.push(LEGACY, 'buildcache', 'index', ['never']);
    await deleted(['1 one'], scene);
    await scene.step(verify);
    assert.deepEqual(findings(scene), [], 'by this route it cannot be told from what is no manifest');
    scene.registry.canReadContent();
    await scene.step(verify);
    assert.match(findings(scene)[0] ?? '', /^notWhole buildcache: .*this run did not delete it/);
  });

  it('cannot be looked into where the bytes of their manifest are not what they should be', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.canReadContent();
    scene.registry.before = ({ operation }) => {
      if (operation === 'read') throw new RegistryError('the bytes of another', { failure: 'other' });
    };
    await scene.step(verify);
    assert.match(findings(scene)[0] ?? '', /^notWhole 9: sha256:.*cannot be read/);
  });

  it('are told with a caveat where a store behind the registry keeps their layers', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.canReadContent('known');
    assert.match((await scene.step(verify)) ?? '', /as far as the registry knows/);
  });

  for (const [mode, looked] of [
    ['sample', 20],
    ['full', 30],
  ] as const)
    it(`are looked into as far as was asked for: ${mode}`, async () => {
      const scene = deletingScene();
      for (let revision = 1; revision <= 30; revision += 1)
        scene.registry.push(NEW_REPOSITORY, `${A}-${revision}`, `n${revision}`);
      scene.registry.push(NEW_REPOSITORY, `${A}-31`, 'doomed');
      const retained = Array.from({ length: 30 }, (_, n) => n + 1);
      await scene.begin({ environments: [entry(A, ...retained)] });
      scene.context = { ...scene.context, settings: { ...scene.context.settings, verifyMode: mode } };
      await scene.list();
      await scene.step(deleteTags);
      scene.registry.canReadContent();
      scene.registry.calls.length = 0;
      await scene.step(verify);
      assert.equal(scene.context.verification?.looked, looked);
      assert.equal(scene.registry.count('read'), looked);
    });

  it('share what they share: it is looked for once', async () => {
    const scene = deletingScene();
    for (const name of ['a', 'b', 'c']) scene.registry.push(LEGACY, name, name, ['shared']);
    scene.registry.push(LEGACY, '', 'shared');
    await deleted(['1 one'], scene);
    scene.registry.canReadContent();
    scene.registry.calls.length = 0;
    await scene.step(verify);
    assert.equal(scene.registry.count('read'), 5, 'three indexes, the image that they list, and revision 9');
    assert.equal(scene.registry.count('blob'), 4);
  });
});
