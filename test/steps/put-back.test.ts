import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RegistryError } from '../../src/domain/errors.ts';
import { markerTag } from '../../src/domain/untagging.ts';
import type { RegistryContent } from '../../src/ports.ts';
import { deleteTags } from '../../src/steps/delete.ts';
import { PutBack } from '../../src/steps/put-back.ts';
import { digest, tag } from '../domain/builders.ts';
import { temporary } from '../support/fakes/registry.ts';
import { LEGACY, planned } from './planned.ts';
import { deletingScene, type Scene } from './scene.ts';

/** A run that has deleted all of these; and a listed index, `index`, of two platforms, as tag 5. */
async function deleted(lines: readonly string[]): Promise<Scene> {
  const scene = deletingScene();
  for (const child of ['amd64', 'arm64']) scene.registry.push(LEGACY, '', child);
  scene.registry.push(LEGACY, '', 'nested', ['amd64', 'arm64']);
  if (lines.includes('5 index')) scene.registry.push(LEGACY, '5', 'index', ['nested']);
  await planned(
    lines.filter((line) => line !== '5 index'),
    scene,
  );
  await scene.step(deleteTags);
  scene.registry.canReadContent();
  assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
  scene.registry.calls.length = 0;
  return scene;
}

function contentOf({ registry }: Scene): RegistryContent {
  assert.ok(registry.content);
  return registry.content;
}

/** What became of each tag. */
async function putBack(scene: Scene): Promise<Record<string, string>> {
  const saved = await scene.run.saved.read();
  const putter = new PutBack(scene.context, { content: contentOf(scene), saved });
  const told: Record<string, string> = {};
  for (const lost of saved.tags) {
    const { outcome, missing, unproven } = await putter.tag(lost);
    told[lost.tag] = [outcome, ...(missing ?? []), ...(unproven ? ['unproven'] : [])].join(' ');
  }
  return told;
}

/** What a registry answers for a file of its own that is empty. */
const broken = new RegistryError('the registry answered 500', { failure: 'temporary', internal: true });

const changes = (scene: Scene) =>
  scene.registry.calls.flatMap(({ operation, reference }) => (operation === 'put' ? reference : []));

describe('putting back', () => {
  it('brings every image back under its tags, and does nothing the second time', async () => {
    const scene = await deleted(['1 one', '2 one', '3 three']);
    assert.deepEqual(await putBack(scene), { 1: 'restored', 2: 'restored', 3: 'restored' });
    assert.deepEqual(scene.registry.dump(), [
      `${LEGACY}:1 ${digest('one')}`,
      `${LEGACY}:2 ${digest('one')}`,
      `${LEGACY}:3 ${digest('three')}`,
      `${LEGACY}:9 ${digest('kept')}`,
    ]);
    scene.registry.calls.length = 0;
    assert.deepEqual(await putBack(scene), { 1: 'there', 2: 'there', 3: 'there' });
    assert.deepEqual(changes(scene), []);
  });

  it('puts what an index lists before it, to any depth', async () => {
    const scene = await deleted(['5 index']);
    assert.deepEqual(await putBack(scene), { 5: 'restored' });
    assert.deepEqual(changes(scene), [digest('amd64'), digest('arm64'), digest('nested'), '5']);
    assert.equal(scene.registry.has(LEGACY, 'nested'), true);
  });

  it('puts only what is not there of what an index lists', async () => {
    const scene = await deleted(['5 index']);
    scene.registry.push(LEGACY, '', 'amd64');
    await putBack(scene);
    assert.deepEqual(changes(scene), [digest('arm64'), digest('nested'), '5']);
  });

  it('leaves a tag alone that has been pushed since', async () => {
    const scene = await deleted(['1 one', '2 two']);
    scene.registry.push(LEGACY, '1', 'rebuilt');
    assert.deepEqual(await putBack(scene), { 1: 'pushedSince', 2: 'restored' });
    assert.ok(scene.registry.dump().includes(`${LEGACY}:1 ${digest('rebuilt')}`));
  });

  it('looks at a tag immediately before it is put, however long its platforms took', async () => {
    const scene = await deleted(['5 index']);
    scene.registry.after = ({ operation, reference }) => {
      if (operation === 'put' && reference === digest('nested')) scene.registry.push(LEGACY, '5', 'rebuilt');
    };
    assert.deepEqual(await putBack(scene), { 5: 'pushedSince' });
    assert.ok(scene.registry.dump().includes(`${LEGACY}:5 ${digest('rebuilt')}`));
  });

  it('leaves a tag alone that another run was about to delete, having found something else there', async () => {
    const scene = await deleted(['1 one', '2 two']);
    scene.registry.canUntie('throw-away');
    const { untagging } = scene.registry;
    assert.ok(untagging);
    scene.registry.push(LEGACY, '1', 'rebuilt');
    scene.registry.push(LEGACY, '2', 'two');
    const tags = new Map([
      [tag('1'), digest('rebuilt')],
      [tag('2'), digest('two')],
    ]);
    const run = '20261123T110000Z-0000bb';
    const ledger = { marker: markerTag(run, 1), run, by: 'bob@desk', since: '', tags };
    await untagging.writeLedger(LEGACY, ledger);
    for (const name of tags.keys()) await untagging.untie(LEGACY, name, ledger);
    assert.deepEqual(await putBack(scene), { 1: 'pushedSince', 2: 'restored' });
  });

  it('puts back what only lost its tag, since something else needs the manifest', async () => {
    const scene = deletingScene();
    scene.registry.canReadContent();
    scene.registry.canUntie('tag');
    await planned(['8 kept'], scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    assert.deepEqual(await putBack(scene), { 8: 'restored' });
  });

  it('takes a tag for free that the registry lists without a manifest', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.push(LEGACY, '1', 'one');
    scene.registry.breakManifest(LEGACY, 'one');
    assert.deepEqual(await putBack(scene), { 1: 'restored' });
  });

  it('takes what the registry cannot read for free: it was ended in the middle of an earlier undo', async () => {
    const scene = await deleted(['1 one', '5 index']);
    const unreadable = new Set<string>(['1', digest('arm64')]);
    scene.registry.before = ({ operation, reference = '' }) => {
      // Until it is put again.
      if (operation === 'put') unreadable.delete(reference);
      else if (unreadable.has(reference)) throw broken;
    };
    assert.deepEqual(await putBack(scene), { 1: 'restored', 5: 'restored' });
  });

  it('leaves a tag alone that cannot be looked at for another reason', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'resolve' && reference === '1') throw temporary();
    };
    await assert.rejects(putBack(scene), /503/);
    assert.deepEqual(changes(scene), []);
  });

  const useless: Record<string, (scene: Scene) => void> = {
    'does not have': ({ registry }) => registry.breakManifest(LEGACY, 'one'),
    'cannot read': () => {
      throw broken;
    },
    'has something else for': () => {
      throw new RegistryError('its bytes are not those of its digest', { failure: 'other' });
    },
  };
  for (const [what, fail] of Object.entries(useless))
    it(`does not call restored what the registry took and ${what}`, async () => {
      const scene = await deleted(['1 one', '2 two']);
      scene.registry.before = ({ operation, reference }) => {
        if (operation === 'read' && reference === digest('one') && changes(scene).includes(tag('1')))
          fail(scene);
      };
      assert.deepEqual(await putBack(scene), { 1: 'failed', 2: 'restored' });
    });
});

describe('an image that is not whole any more', () => {
  it('is told, with what it lacks, and not put back; the others are', async () => {
    const scene = await deleted(['1 one', '2 two']);
    scene.registry.collect('one');
    const told = await putBack(scene);
    assert.match(told[1] ?? '', /^incomplete sha256:\w+$/);
    assert.equal(told[2], 'restored');
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', '2']);
  });

  it('is an index of which one platform is not', async () => {
    const scene = await deleted(['5 index']);
    scene.registry.collect('arm64');
    assert.match((await putBack(scene))[5] ?? '', /^incomplete sha256:\w+$/);
    assert.deepEqual(changes(scene), []);
  });

  it('is no matter where the tag has been pushed since', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.push(LEGACY, '1', 'rebuilt');
    scene.registry.collect('one');
    assert.deepEqual(await putBack(scene), { 1: 'pushedSince' });
  });

  it('is one that stands under its tag, too', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.push(LEGACY, '1', 'one');
    scene.registry.collect('one');
    assert.match((await putBack(scene))[1] ?? '', /^incomplete/);
  });

  it('may be one whose layers only an object store could tell of', async () => {
    const scene = await deleted(['1 one', '2 two']);
    scene.registry.keepElsewhere('one');
    assert.deepEqual(await putBack(scene), { 1: 'restored unproven', 2: 'restored' });
  });

  it('is one that the registry will not have', async () => {
    const scene = await deleted(['1 one', '2 two']);
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'put' && reference === '1')
        throw new RegistryError('manifest invalid', { failure: 'other' });
    };
    assert.deepEqual(await putBack(scene), { 1: 'failed', 2: 'restored' });
  });
});

describe('a registry that does not answer', () => {
  it('is asked again', async () => {
    const scene = await deleted(['1 one']);
    let failures = 0;
    scene.registry.before = () => {
      failures += 1;
      if (failures % 2 === 1) throw temporary();
    };
    assert.deepEqual(await putBack(scene), { 1: 'restored' });
  });

  it('is no reason to call an image lost: the work ends', async () => {
    const scene = await deleted(['1 one']);
    scene.registry.before = ({ operation }) => {
      if (operation === 'blob') throw new RegistryError('403', { failure: 'forbidden' });
    };
    await assert.rejects(putBack(scene), /403/);
  });
});
