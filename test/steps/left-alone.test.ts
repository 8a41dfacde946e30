/** What a run has left alone stays, also when a later start of it, or a later step, goes on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RegistryError } from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { Outcomes } from '../../src/domain/outcome.ts';
import { deleteTags } from '../../src/steps/delete.ts';
import { verify } from '../../src/steps/verify.ts';
import { A, digest, tag } from '../domain/builders.ts';
import { LEGACY, planned } from './planned.ts';
import { deletingScene, type Scene } from './scene.ts';

async function untying(lines: readonly string[]): Promise<Scene> {
  const scene = deletingScene();
  scene.registry.canUntie('throw-away');
  await planned(lines, scene);
  scene.context = { ...scene.context, settings: { ...scene.context.settings, strategy: 'untag-first' } };
  return scene;
}

function use(scene: Scene, ...names: string[]): void {
  scene.imagesInUse.uses = names.map((name) => ({ image: `registry:5000/${LEGACY}:${name}`, by: 'Pod x/y' }));
  scene.clock.advance(6000);
}

/** The registry fails, so that the run is not finished. */
function failAt(scene: Scene, operation: 'delete' | 'resolve', reference: string): void {
  scene.registry.before = (call) => {
    if (call.operation === operation && call.reference === reference)
      throw new RegistryError('no', { failure: 'other' });
  };
}

/** The program starts again, with what is on disk, and the registry does not fail any more. */
async function resume(scene: Scene): Promise<void> {
  await scene.run.journal.flush();
  const outcomes = new Outcomes();
  for (const entry of scene.disk.latest.journal) outcomes.record(entry);
  scene.context = { ...scene.context, plannedAtMs: undefined, outcomes };
  scene.registry.before = () => {};
  await scene.step(deleteTags);
}

function standsFor(scene: Scene, name: string): string | undefined {
  const line = scene.registry.dump().find((each) => each.startsWith(`${LEGACY}:${name} `));
  return line?.split(' ')[1];
}

describe('what was left alone stays after a resume', () => {
  it('a tag that was pushed again as it was, since it was untied', async () => {
    const scene = await untying(['1 one', '2 two']);
    let isPushed = false;
    scene.registry.after = ({ operation }) => {
      if (operation !== 'sweep' || isPushed) return;
      isPushed = true;
      scene.registry.push(LEGACY, '1', 'one');
    };
    failAt(scene, 'delete', digest('two'));
    await scene.step(deleteTags);
    assert.equal(scene.outcomes.of(LEGACY, tag('1'))?.outcome, 'drifted');
    await resume(scene);
    assert.equal(standsFor(scene, '1'), digest('one'));
    assert.equal(standsFor(scene, '2'), undefined);
  });

  it('a tag that something ran, and does not run any more', async () => {
    const scene = await untying(['1 one', '2 two']);
    use(scene, '1');
    failAt(scene, 'delete', digest('two'));
    await scene.step(deleteTags);
    assert.equal(scene.outcomes.of(LEGACY, tag('1'))?.outcome, 'drifted');
    use(scene);
    await resume(scene);
    await scene.step(verify);
    assert.deepEqual(scene.context.verification?.findings, []);
    assert.equal(standsFor(scene, '1'), digest('one'));
  });

  it('a tag that something ran, beside a twin that is still to be deleted by digest', async () => {
    const scene = await planned(['1 one', '2 one']);
    use(scene, '1');
    failAt(scene, 'resolve', '2');
    await scene.step(deleteTags);
    assert.equal(scene.outcomes.of(LEGACY, tag('1'))?.outcome, 'drifted');
    use(scene);
    await resume(scene);
    assert.equal(standsFor(scene, '1'), digest('one'));
  });

  it('what an index lists that was deleted, and pushed again as it was', async () => {
    const scene = deletingScene();
    const push = (name: string, ...children: string[]) =>
      scene.registry.push(LEGACY, name, children.length > 0 ? `index${name}` : 'child', children);
    push('');
    push('1', 'child');
    push('2', 'child');
    await planned([], scene);
    failAt(scene, 'delete', digest('index2'));
    await scene.step(deleteTags);
    assert.equal(scene.outcomes.of(LEGACY, tag('1'))?.outcome, 'deleted');
    push('');
    push('1', 'child');
    await resume(scene);
    assert.equal(scene.registry.has(LEGACY, 'child'), true);
    assert.equal(standsFor(scene, '2'), undefined);
  });
});

describe('what is pushed while others are deleted stays', () => {
  it('in place of a tag of which the registry has removed some files', async () => {
    const scene = await untying(['7 seven', '6 six']);
    let looks = 0;
    scene.registry.after = ({ operation, reference }) => {
      if (operation === 'sweep') scene.registry.halfRemove(LEGACY, '7');
      if (operation !== 'resolve' || reference !== tag('7') || standsFor(scene, '7') !== digest('nothing'))
        return;
      looks += 1;
      // After the look at what stays, and before the one at this tag.
      if (looks === 1) queueMicrotask(() => scene.registry.push(LEGACY, '7', 'rebuilt'));
    };
    await scene.step(deleteTags);
    assert.equal(standsFor(scene, '7'), digest('rebuilt'));
  });

  it('on a manifest whose repository has its turn when another one has taken long', async () => {
    const scene = deletingScene();
    scene.registry.canUntie('throw-away');
    scene.registry.push(NEW_REPOSITORY, `${A}-9`, 'kept');
    scene.registry.push(NEW_REPOSITORY, `${A}-8`, 'kept');
    await planned(['1 one'], scene);
    scene.registry.after = ({ operation, repository }) => {
      if (operation !== 'sweep' || repository !== NEW_REPOSITORY) return;
      scene.clock.advance(3600_000);
      scene.registry.push(LEGACY, 'release', 'one');
    };
    await scene.step(deleteTags);
    assert.equal(standsFor(scene, 'release'), digest('one'));
  });
});
