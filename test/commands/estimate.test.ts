/** What a run says that it will free, on a registry of fakes. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { InterruptedError, RegistryError } from '../../src/domain/errors.ts';
import type { SpaceEstimate } from '../../src/domain/estimate.ts';
import { legacyRepository, NEW_REPOSITORY, type Repository } from '../../src/domain/names.ts';
import type { RawOptions } from '../../src/options/values.ts';
import { A, B, digest, tag } from '../domain/builders.ts';
import { Scenario } from './scenario.ts';

const OTHER = 'somebody/else' as Repository;

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
  scene.environments = `${A} 3\n`;
  const { registry } = scene;
  registry.clear();
  registry.canList();
  registry.layers.set('a1', { base: 1_000_000, one: 10_000_000 });
  registry.layers.set('a2', { base: 1_000_000, two: 20_000_000, shared: 100_000_000 });
  registry.layers.set('a3', { base: 1_000_000 });
  registry.layers.set('else', { shared: 100_000_000 });
  for (const revision of [1, 2, 3]) registry.push(NEW_REPOSITORY, `${A}-${revision}`, `a${revision}`);
  registry.push(OTHER, 'latest', 'else');
});

/** The estimate of the review, its bytes in millions: manifests and configs are smaller. */
async function estimated(flags: RawOptions = {}): Promise<SpaceEstimate | undefined> {
  const { program } = await scene.cleanly(flags);
  const [first] = program.person.reviews;
  const { estimate } = first?.circumstances ?? assert.fail('there is no review');
  return estimate && { ...estimate, bytes: Math.floor(estimate.bytes / 1_000_000) };
}

describe('the space that a run will free', () => {
  it('is an upper bound by the repositories that it touches', async () => {
    assert.deepEqual(await estimated(), { scope: 'touched', bytes: 130, unread: 0 });
    assert.equal(scene.registry.count('catalog'), 0);
    assert.equal(scene.record.estimate?.scope, 'touched');
  });

  it('is less by what another repository of the plan needs, from which nothing goes', async () => {
    const legacy = legacyRepository(B);
    scene.environments = `${A} 3\n${B} 7\n`;
    scene.registry.push(legacy, '7', 'b7');
    scene.registry.layers.set('b7', { two: 20_000_000, own: 5_000_000 });
    const { program } = await scene.cleanly({});
    const { estimate } = program.person.reviews[0]?.circumstances ?? assert.fail('there is no review');
    assert.equal(Math.floor((estimate?.bytes ?? 0) / 1_000_000), 110);
    const ofB = scene.disk.reported.at(-1)?.environments.find(({ environment }) => environment === B);
    assert.equal(Math.floor((ofB?.bytes?.retained ?? 0) / 1_000_000), 25);
  });

  it('costs no request more: what is looked at for the plan is not read once more, then or later', async () => {
    await estimated({ estimate: 'none' });
    const without = scene.registry.count('resolve');
    scene.registry.calls.length = 0;
    for (const again of [1, 2]) {
      await estimated({ fresh: true });
      assert.equal(scene.registry.count('resolve'), again * without);
      assert.equal(scene.registry.count('read'), 0);
    }
  });

  it('is exact by the whole registry', async () => {
    assert.deepEqual(await estimated({ estimate: 'registry' }), { scope: 'registry', bytes: 30, unread: 0 });
  });

  it('is not found out where that is not wanted, or cannot be', async () => {
    assert.equal(await estimated({ estimate: 'none' }), undefined);
    scene.registry.inventory = undefined;
    assert.equal(await estimated({ fresh: true }), undefined);
    assert.equal(scene.registry.count('read'), 0);
  });

  it('is nothing to find out when nothing is to be deleted', async () => {
    scene.environments = `${A} 1 2 3\n`;
    assert.equal(await estimated(), undefined);
    assert.equal(scene.registry.count('read'), 0);
  });

  it('is incomplete when a manifest cannot be read, of what goes or of what stays', async () => {
    await estimated({ estimate: 'none' });
    for (const nickname of ['a1', 'a3']) {
      scene.manifests.contents.clear();
      scene.registry.before = ({ operation, reference }) => {
        if (operation === 'read' && reference === digest(nickname))
          throw new RegistryError('500', { failure: 'other' });
      };
      assert.equal((await estimated({ resume: true }))?.unread, 1, nickname);
    }
  });

  it('is incomplete when a manifest of another repository is of an unknown kind', async () => {
    scene.registry.garble(OTHER, 'else');
    const found = await estimated({ estimate: 'registry' });
    assert.deepEqual(found, { scope: 'registry', bytes: 130, unread: 1 });
  });

  it('does not end the run where only one manifest cannot be read, but where the registry is gone', async () => {
    await scene.cleanly({ estimate: 'none' });
    scene.registry.before = ({ operation }) => {
      if (operation === 'read') scene.registry.isUp = () => false;
    };
    assert.ok((await scene.clean({ resume: true })).error instanceof RegistryError);
  });

  it('is read once, and smaller by what the review has struck', async () => {
    await estimated();
    scene.registry.calls.length = 0;
    scene.disk.latest.lists.set('revisions_to_delete', `${A}-2\n`);
    const found = await estimated({ resume: true });
    assert.deepEqual(found, { scope: 'touched', bytes: 120, unread: 0 });
    assert.equal(scene.registry.count('read'), 0);
  });

  it('is smaller by what was pushed since', async () => {
    await estimated({ estimate: 'registry' });
    scene.registry.push(NEW_REPOSITORY, 'keep-me', 'a2');
    assert.equal((await estimated({ resume: true, estimate: 'registry' }))?.bytes, 10);
  });

  it('is the same when some of it has been deleted already, as long as what was read is still known', async () => {
    const flags = { delete: true, yes: true, concurrency: '1', strategy: 'by-digest' };
    const { error } = await scene.clean(flags, (program) => {
      scene.registry.after = ({ operation }) => {
        if (operation === 'delete') program.interrupt(new InterruptedError('SIGTERM'));
      };
    });
    scene.registry.after = () => {};
    assert.ok(error instanceof InterruptedError);
    assert.equal(scene.registry.has(NEW_REPOSITORY, 'a1'), false);
    const resumed = { ...flags, resume: true };
    const known = new Map(scene.manifests.contents);
    scene.manifests.contents.delete(digest('a1'));
    let incomplete: SpaceEstimate | undefined;
    const stopped = await scene.clean(resumed, (program) => {
      program.person.review = (_review, { estimate }) => {
        incomplete = estimate;
        program.interrupt(new InterruptedError('SIGTERM'));
      };
    });
    assert.ok(stopped.error instanceof InterruptedError);
    assert.equal(incomplete?.unread, 1);
    for (const [key, content] of known) scene.manifests.contents.set(key, content);
    assert.deepEqual(await estimated(resumed), { scope: 'touched', bytes: 130, unread: 0 });
    assert.deepEqual(scene.registry.tags(NEW_REPOSITORY), [tag(`${A}-3`)]);
  });
});
