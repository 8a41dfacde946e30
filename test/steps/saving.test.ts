import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RegistryError, StorageError } from '../../src/domain/errors.ts';
import type { Digest } from '../../src/domain/names.ts';
import { Outcomes } from '../../src/domain/outcome.ts';
import { deleteTags } from '../../src/steps/delete.ts';
import { guarded } from '../../src/steps/guarded-registry.ts';
import { A, digest, entry } from '../domain/builders.ts';
import { temporary } from '../support/fakes/registry.ts';
import { LEGACY, manyTags, planned } from './planned.ts';
import { deletingScene, type Scene } from './scene.ts';

type Means = 'by digest' | 'tag' | 'throw-away';
const ALL_MEANS: readonly Means[] = ['by digest', 'tag', 'throw-away'];

/** A plan for a registry, to be carried out by this means. */
async function plannedFor(
  means: Means,
  lines: readonly string[],
  indexes: Readonly<Record<string, string[]>> = {},
): Promise<Scene> {
  const scene = deletingScene();
  if (means !== 'by digest') scene.registry.canUntie(means);
  for (const [index, children] of Object.entries(indexes)) {
    for (const child of children) scene.registry.push(LEGACY, '', child);
    scene.registry.push(LEGACY, index, `index ${index}`, children);
  }
  await planned(lines, scene);
  const strategy = means === 'by digest' ? 'by-digest' : 'untag-first';
  scene.context = { ...scene.context, settings: { ...scene.context.settings, strategy } };
  return scene;
}

function savedBytes(scene: Scene): Set<Digest> {
  return new Set(scene.disk.latest.saved.flatMap((each) => (each.manifest ? each.digest : [])));
}

/** The tags that are saved, with what they stood for. */
function savedTags(scene: Scene): string[] {
  return scene.disk.latest.saved.flatMap((each) => (each.tag ? `${each.tag} ${each.digest}` : [])).sort();
}

/**
 * At the moment of each deletion what it takes away is on disk, and at the moment of each sweep all that is to be deleted
 * (but for what was untied before).
 */
function watchOrder(scene: Scene, { sweeps = true } = {}): { readonly deletions: Digest[] } {
  const deletions: Digest[] = [];
  scene.registry.before = ({ operation, reference }) => {
    const saved = savedBytes(scene);
    if (operation === 'sweep' && sweeps)
      assert.deepEqual(
        scene.context.plans
          .get(LEGACY)
          ?.tags.flatMap(({ fate, digest: of }) => (fate === 'delete' && of && !saved.has(of) ? of : [])),
        [],
        'the sweep',
      );
    if (operation !== 'delete') return;
    assert.ok(saved.has(reference as Digest), `${reference}`);
    deletions.push(reference as Digest);
  };
  return { deletions };
}

for (const means of ALL_MEANS)
  describe(`before anything is deleted, ${means === 'by digest' ? means : `untagging first by ${means}`}`, () => {
    it('its bytes are on disk, with every tag that stood for it', async () => {
      const scene = await plannedFor(means, ['1 one', '2 one', '3 three', ...manyTags(40)]);
      const { deletions } = watchOrder(scene);
      await scene.step(deleteTags);
      assert.equal(deletions.length, 42);
      assert.equal(new Set(deletions).size, savedBytes(scene).size);
      assert.equal(savedTags(scene).length, 43);
      assert.ok(savedTags(scene).includes(`2 ${digest('one')}`));
    });

    it('what a doomed index lists is saved as well', async () => {
      const scene = await plannedFor(means, [], { 5: ['amd64', 'arm64'] });
      const { deletions } = watchOrder(scene);
      await scene.step(deleteTags);
      assert.deepEqual(deletions, [digest('index 5'), digest('amd64'), digest('arm64')]);
      assert.equal(savedBytes(scene).size, 3);
      assert.deepEqual(savedTags(scene), [`5 ${digest('index 5')}`]);
    });

    it('costs no look more', async () => {
      const scene = await plannedFor(means, manyTags(30));
      await scene.step(deleteTags);
      const looks = scene.registry.calls.filter(
        ({ operation, reference }) => operation === 'resolve' && /^\d+$/.test(reference ?? ''),
      );
      // By untagging first, what stays is looked at once more.
      assert.equal(looks.length, means === 'by digest' ? 30 : 31);
      assert.equal(
        scene.registry.calls.filter(
          ({ operation, reference }) => operation === 'resolve' && reference?.startsWith('sha256:'),
        ).length,
        0,
      );
    });

    it('that cannot be saved, the run stops, and the manifest stays', async () => {
      const scene = await plannedFor(means, ['1 one', '2 two']);
      const full = new StorageError('The disk is full.');
      scene.disk.before = (call) => {
        if (call === 'save') throw full;
      };
      await assert.rejects(scene.step(deleteTags), full);
      assert.deepEqual([scene.registry.has(LEGACY, 'one'), scene.registry.has(LEGACY, 'two')], [true, true]);
      assert.equal(scene.registry.count('delete') + scene.registry.count('sweep'), 0);
    });

    it('a tag that has moved is not saved', async () => {
      const scene = await plannedFor(means, ['1 one', '2 two']);
      scene.registry.push(LEGACY, '1', 'rebuilt');
      await scene.step(deleteTags);
      assert.deepEqual(savedTags(scene), [`2 ${digest('two')}`]);
    });

    it('and nothing twice, where trying again is needed', async () => {
      const scene = await plannedFor(means, ['1 one']);
      let failures = 0;
      scene.registry.before = ({ operation }) => {
        if (operation !== 'delete' || failures === 3) return;
        failures += 1;
        throw temporary();
      };
      await scene.step(deleteTags);
      assert.equal(scene.registry.has(LEGACY, 'one'), false);
      assert.equal(scene.disk.latest.saved.filter(({ manifest }) => manifest).length, 1);
    });
  });

describe('a manifest that cannot be read', () => {
  it('is not deleted, and it is said why: one that only an index lists', async () => {
    const scene = await plannedFor('by digest', ['1 one'], { 5: ['amd64'] });
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'resolve' && reference === digest('amd64'))
        throw new RegistryError('the registry answered 500 to it', { failure: 'other' });
    };
    await scene.step(deleteTags);
    assert.equal(scene.registry.has(LEGACY, 'amd64'), true);
    assert.match(scene.person.warnings.join(), /is still there: the registry answered 500 to it/);
    assert.equal(scene.registry.has(LEGACY, 'one'), false);
  });

  it('is not deleted when nobody can tell what it is', async () => {
    const scene = await plannedFor('by digest', [], { 5: ['amd64'] });
    scene.registry.garble(LEGACY, 'amd64');
    await scene.step(deleteTags);
    assert.equal(scene.registry.has(LEGACY, 'amd64'), true);
    assert.match(scene.person.warnings.join(), /cannot be saved: it is not a JSON object/);
  });
});

it('what another run has untied, and this one deletes, is saved by this one', async () => {
  const scene = await plannedFor('throw-away', ['1 one', '2 two', '3 three']);
  let untied = 0;
  scene.registry.after = ({ operation }) => {
    if (operation === 'untie') untied += 1;
    if (untied === 2) throw new RegistryError('killed', { failure: 'unauthorized' });
  };
  await assert.rejects(async () => {
    scene.registry.before = ({ operation }) => {
      if (untied >= 2 && operation !== 'quiesce') throw new StorageError('killed');
    };
    await scene.step(deleteTags);
  });
  scene.registry.before = scene.registry.after = () => {};
  const other = deletingScene();
  Object.assign(other, { registry: scene.registry });
  await other.begin({ id: '20261123T110000Z-0000bb', environments: [entry(A, 9)] });
  other.context = { ...other.context, registry: scene.registry, outcomes: new Outcomes() };
  await other.list();
  watchOrder(other, { sweeps: false });
  await other.step(deleteTags);
  assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
  assert.deepEqual(savedTags(other), [`1 ${digest('one')}`, `2 ${digest('two')}`, `3 ${digest('three')}`]);
  assert.equal(savedBytes(other).size, 3);
});

it('the guard before the registry lets no manifest be deleted that is not saved, whoever asks', async () => {
  const { registry } = deletingScene();
  registry.push(LEGACY, '1', 'one');
  registry.push(LEGACY, '2', 'two');
  const saved = { has: (each: Digest) => each === digest('one') };
  const careful = guarded(registry, () => {}, saved);
  await assert.rejects(careful.deleteManifest(LEGACY, digest('two')), /is not saved/);
  assert.equal(await careful.deleteManifest(LEGACY, digest('one')), 'deleted');
  assert.deepEqual(registry.tags(LEGACY), ['2']);
});
