import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deleteTags } from '../../src/steps/delete.ts';
import { digest } from '../domain/builders.ts';
import { LEGACY, planned, resume } from './planned.ts';

describe('a tag that moved since the plan', () => {
  it('is left alone', async () => {
    const scene = await planned(['1 one']);
    scene.registry.push(LEGACY, '1', 'rebuilt');
    await scene.step(deleteTags);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted' });
    assert.equal(scene.registry.has(LEGACY, 'rebuilt'), true);
    assert.equal(scene.registry.count('delete'), 0);
  });

  it('does not keep its twin from being deleted', async () => {
    const scene = await planned(['1 one', '2 one']);
    scene.registry.push(LEGACY, '1', 'rebuilt');
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '9']);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted', 2: 'deleted' });
  });

  it('keeps a doomed manifest that it stands for now', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, '1', 'two');
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '2', '9']);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted', 2: 'drifted' });
  });

  it('keeps the doomed children of an index that it stands for now, nested ones too', async () => {
    const scene = await planned(['1 one', '2 two', '3 three']);
    resume(scene);
    scene.registry.push(LEGACY, '', 'inner', ['two']);
    scene.registry.push(LEGACY, '1', 'outer', ['inner']);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '2', '9']);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted', 2: 'drifted', 3: 'deleted' });
  });

  it('keeps what it stands for also when the program was killed between the two', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, '1', 'two');
    scene.outcomes.record({
      at: '2026-11-23T10:00:00.000Z',
      repository: LEGACY,
      tag: scene.registry.tags(LEGACY)[1] ?? assert.fail(),
      outcome: 'drifted',
    });
    resume(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '2', '9']);
  });

  it('keeps what it stands for whichever of the two has its turn first', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, '2', 'one');
    resume(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '2', '9']);
  });

  it('is left alone when it stands for something that cannot be understood', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, '1', 'strange');
    scene.registry.garble(LEGACY, 'strange');
    await scene.step(deleteTags);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted', 2: 'deleted' });
    assert.ok(scene.registry.tags(LEGACY).includes('1' as never));
  });

  it('is taken away when the registry has lost its manifest in the middle of a deletion', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.breakManifest(LEGACY, 'one');
    await scene.step(deleteTags);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'deleted', 2: 'deleted' });
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
  });

  it('is left alone when it was moved to a manifest that is lost, the planned one being there', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, '1', 'other');
    scene.registry.breakManifest(LEGACY, 'other');
    await scene.step(deleteTags);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'drifted', 2: 'deleted' });
    assert.equal(scene.registry.has(LEGACY, 'one'), true);
    assert.equal(scene.registry.count('removeDangling'), 0);
  });
});

describe('a plan that was made a while ago', () => {
  it('is held against the registry once it is five minutes old', async () => {
    for (const [ageMs, listings] of [
      [4 * 60_000, 0],
      [6 * 60_000, 1],
    ] as const) {
      const scene = await planned(['1 one']);
      scene.clock.advance(ageMs);
      await scene.step(deleteTags);
      assert.equal(scene.registry.count('list'), listings);
    }
  });

  it('leaves the children of an index alone that a doomed tag stands for, wherever in the order', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, '2', 'index', ['one']);
    resume(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '2', '9']);
  });

  it('keeps a doomed manifest that a new tag stands for', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, 'release', 'one');
    resume(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '9', 'release']);
  });

  it('keeps a doomed manifest that a kept tag has moved to', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, '9', 'one');
    resume(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '9']);
  });

  it('keeps the doomed child of an index that was pushed since', async () => {
    const scene = await planned(['1 one', '2 two']);
    scene.registry.push(LEGACY, 'multi', 'index', ['one']);
    resume(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY).sort(), ['1', '9', 'multi']);
  });

  it('goes on with the tags that have no outcome yet, failed ones included', async () => {
    const scene = await planned(['1 one', '2 two', '3 three']);
    const [, one, two] = scene.registry.tags(LEGACY);
    assert.ok(one && two);
    const at = '2026-11-23T10:00:00.000Z';
    scene.outcomes.record({ at, repository: LEGACY, tag: one, outcome: 'deleted' });
    scene.outcomes.record({ at, repository: LEGACY, tag: two, outcome: 'failed' });
    await scene.registry.deleteManifest(LEGACY, digest('one'));
    resume(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.outcomesByTag(), { 1: 'deleted', 2: 'deleted', 3: 'deleted' });
  });
});
