import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { RegistryError } from '../../src/domain/errors.ts';
import { legacyRepository, NEW_REPOSITORY } from '../../src/domain/names.ts';
import type { RepositoryPlan } from '../../src/domain/plan.ts';
import { goByFileNow } from '../../src/steps/list.ts';
import { listLegacy } from '../../src/steps/list-legacy.ts';
import { listNew } from '../../src/steps/list-new.ts';
import { A, B, digest, entry, fatesOf } from '../domain/builders.ts';
import { temporary } from '../support/fakes/registry.ts';
import { Scene } from './scene.ts';

const LEGACY = legacyRepository(A);

describe('listing', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await new Scene().begin({ environments: [entry(A, 2), entry(B)], stage: 'listing' });
  });

  function planOf(repository: string): RepositoryPlan {
    return scene.plans.get(repository) ?? assert.fail(`${repository} is not planned`);
  }

  it('resolves every tag, doomed or kept, and freezes the plan and its list', async () => {
    scene.registry.push(NEW_REPOSITORY, `${A}-1`, 'one');
    scene.registry.push(NEW_REPOSITORY, `${A}-2`, 'two');
    scene.registry.push(NEW_REPOSITORY, `${B}-7`, 'seven');
    scene.registry.push(NEW_REPOSITORY, 'buildcache', 'cache');
    assert.equal(await scene.step(listNew), '4 tags, 2 to delete');
    assert.deepEqual(
      planOf(NEW_REPOSITORY).tags.map(({ tag, digest }) => [tag, digest]),
      [
        [`${A}-1`, digest('one')],
        [`${A}-2`, digest('two')],
        [`${B}-7`, digest('seven')],
        ['buildcache', digest('cache')],
      ],
    );
    assert.equal(scene.disk.latest.lists.get('revisions_to_delete'), `${A}-1\n${B}-7\n`);
    assert.deepEqual(scene.disk.latest.plan, [planOf(NEW_REPOSITORY)]);
  });

  it('has the list on disk before the plan, so that a plan never lacks its list', async () => {
    scene.registry.push(LEGACY, '1', 'one');
    await scene.begin({ environments: [entry(A, 2)], stage: 'listing' });
    scene.disk.before = (call) => {
      if (call === 'plan') assert.equal(scene.disk.latest.lists.size, 1);
    };
    await scene.step(listLegacy);
    assert.equal(scene.disk.latest.plan.length, 1);
  });

  it('sees what nested indexes list', async () => {
    scene.registry.push(LEGACY, '1', 'one');
    scene.registry.push(LEGACY, '', 'inner', ['one', 'never-pushed']);
    scene.registry.push(LEGACY, '2', 'outer', ['inner']);
    await scene.step(listLegacy);
    assert.deepEqual(fatesOf(planOf(LEGACY)), { 1: 'protect: index child', 2: 'retain' });
  });

  it('protects a tag that the registry has no manifest for', async () => {
    scene.registry.push(LEGACY, '1', 'one');
    scene.registry.breakManifest(LEGACY, 'one');
    await scene.step(listLegacy);
    assert.deepEqual(fatesOf(planOf(LEGACY)), { 1: 'protect: unreadable' });
  });

  it('stops at an index whose child cannot be read: what that needs is unknown', async () => {
    scene.registry.push(LEGACY, '1', 'one');
    scene.registry.push(LEGACY, '2', 'index', ['one']);
    const { resolve } = scene.registry;
    scene.registry.resolve = async (repository, reference) =>
      reference === digest('one')
        ? { state: 'unreadable', reason: 'of an unknown type' }
        : resolve.call(scene.registry, repository, reference);
    await assert.rejects(scene.step(listLegacy), RegistryError);
    assert.deepEqual(
      scene.disk.latest.plan.filter(({ exists }) => exists),
      [],
    );
  });

  it('tells a missing repository from an empty one', async () => {
    scene.registry.empty(LEGACY);
    assert.equal(await scene.step(listLegacy), '1 repository, 1 not there, 0 to delete');
    assert.equal(planOf(LEGACY).exists, true);
    assert.equal(planOf(legacyRepository(B)).exists, false);
    assert.equal(await scene.step(listNew), 'there is no repository dominodatalab/environment');
  });

  it('leaves out a tag that went while it was listed', async () => {
    scene.registry.push(LEGACY, '1', 'one');
    scene.registry.push(LEGACY, '3', 'three');
    scene.registry.after = ({ operation, repository }) => {
      if (operation === 'list' && repository === LEGACY)
        void scene.registry.deleteManifest(LEGACY, digest('one'));
    };
    scene.registry.deletionEnabled = () => true;
    await scene.step(listLegacy);
    assert.deepEqual(fatesOf(planOf(LEGACY)), { 3: 'delete' });
  });

  for (const operation of ['list', 'resolve'] as const) {
    it(`tries again after a temporary failure: ${operation}`, async () => {
      scene.registry.push(LEGACY, '1', 'one');
      let failures = 0;
      scene.registry.before = (call) => {
        if (call.operation === operation && failures < 4) {
          failures += 1;
          throw temporary();
        }
      };
      await scene.step(listLegacy);
      assert.deepEqual(fatesOf(planOf(LEGACY)), { 1: 'delete' });
    });

    it(`never takes a failure for an empty answer: ${operation}`, async () => {
      scene.registry.push(LEGACY, '1', 'one');
      scene.registry.before = (call) => {
        if (call.operation === operation) throw new RegistryError('500', { failure: 'other' });
      };
      await assert.rejects(scene.step(listLegacy), RegistryError);
      assert.equal(scene.plans.has(LEGACY), false);
      assert.equal(
        scene.disk.latest.plan.some(({ ref }) => ref.repository === LEGACY),
        false,
      );
    });
  }

  it('keeps what an earlier start has planned, and may have been reviewed', async () => {
    scene.registry.push(LEGACY, '1', 'one');
    await scene.step(listLegacy);
    scene.disk.latest.lists.set(`tags/${LEGACY}`, '');
    scene.registry.push(LEGACY, '5', 'five');
    await scene.step(listLegacy);
    assert.equal(scene.disk.latest.lists.get(`tags/${LEGACY}`), '');
    assert.deepEqual(fatesOf(planOf(LEGACY)), { 1: 'delete' });
    assert.equal(scene.disk.latest.plan.length, 2);
  });

  it('freezes a plan by the file with which the run began, and holds it against the file as it is now', async () => {
    scene.registry.push(LEGACY, '1', 'one');
    scene.registry.push(LEGACY, '3', 'three');
    scene.registry.push(legacyRepository(B), '1', 'one');
    scene.context = { ...scene.context, environments: [entry(A, 1)] };
    await scene.list();
    goByFileNow(scene.context);
    assert.deepEqual(fatesOf(planOf(LEGACY)), { 1: 'retain', 3: 'delete' });
    assert.deepEqual(fatesOf(planOf(legacyRepository(B))), { 1: 'other' });
    assert.deepEqual(
      scene.disk.latest.plan.flatMap(({ tags }) => tags.map(({ fate }) => fate)),
      [...['delete', 'delete', 'delete']],
    );
  });

  it('counts the newest over all repositories when the file has come to ask for more of them', async () => {
    await scene.begin({ environments: [{ ...entry(A), latest: 1 }], stage: 'listing' });
    for (const revision of [2, 3, 5]) scene.registry.push(LEGACY, String(revision), `old${revision}`);
    scene.registry.push(NEW_REPOSITORY, `${A}-4`, 'new4');
    scene.context = { ...scene.context, environments: [{ ...entry(A), latest: 3 }] };
    await scene.list();
    goByFileNow(scene.context);
    assert.deepEqual(fatesOf(planOf(LEGACY)), { 2: 'delete', 3: 'retain', 5: 'retain' });
    assert.deepEqual(fatesOf(planOf(NEW_REPOSITORY)), { [`${A}-4`]: 'retain' });
  });

  it('leaves a plan as it is when the file is the same', async () => {
    await scene.begin({ environments: [{ ...entry(A, 2), latest: 1 }], stage: 'listing' });
    for (const revision of [1, 2, 3]) scene.registry.push(LEGACY, String(revision), `old${revision}`);
    await scene.list();
    goByFileNow(scene.context);
    assert.deepEqual([...scene.plans.values()], scene.disk.latest.plan);
  });

  for (const [only, skipped] of [
    ['new', listLegacy],
    ['legacy', listNew],
  ] as const)
    it(`passes the other repositories over, with the reason: --only ${only}`, async () => {
      await scene.run.update((record) => ({ ...record, only }));
      assert.equal(skipped.skip?.(scene.context), `--only ${only}`);
    });
});
