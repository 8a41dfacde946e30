import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InterruptedError, RegistryError } from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { Outcomes } from '../../src/domain/outcome.ts';
import { legacyRef, planRepository } from '../../src/domain/plan.ts';
import { isMarker, markerTag } from '../../src/domain/untagging.ts';
import { deleteTags } from '../../src/steps/delete.ts';
import { contentOf } from '../../src/steps/look.ts';
import { A, B, digest, entry, tag } from '../domain/builders.ts';
import { temporary } from '../support/fakes/registry.ts';
import { LEGACY, manyTags, planned } from './planned.ts';
import { deletingScene, RUN, type Scene } from './scene.ts';

type Means = 'tag' | 'throw-away';

/** A plan for a registry that can untie, to be carried out by untying first. */
async function untying(lines: readonly string[], means: Means = 'throw-away'): Promise<Scene> {
  const scene = deletingScene();
  scene.registry.canUntie(means);
  await planned(lines, scene);
  scene.context = { ...scene.context, settings: { ...scene.context.settings, strategy: 'untag-first' } };
  return scene;
}

/** The program was killed and starts again: what it had in memory is lost, what is on disk is not. */
function restart(scene: Scene): void {
  const outcomes = new Outcomes();
  for (const entry of scene.disk.latest.journal) outcomes.record(entry);
  scene.context = { ...scene.context, plannedAtMs: undefined, outcomes };
}

/** Another machine: no state, a run of its own. */
async function elsewhere(scene: Scene, file: ReturnType<typeof entry>): Promise<Scene> {
  const other = deletingScene();
  Object.assign(other, { registry: scene.registry });
  await other.begin({ id: '20261123T110000Z-0000bb', environments: [file] });
  other.context = { ...other.context, registry: scene.registry };
  await other.list();
  return other;
}

/** Lets the program die at the n-th call of an operation. */
function dieAt(scene: Scene, operation: string, n = 1): void {
  let calls = 0;
  scene.registry.before = (call) => {
    if (call.operation !== operation) return;
    calls += 1;
    if (calls >= n) throw new RegistryError('the program was killed', { failure: 'other' });
  };
}

for (const means of ['tag', 'throw-away'] as const)
  describe(`untying first, by ${means}`, () => {
    it('deletes tags and manifests, and leaves nothing of its own', async () => {
      const scene = await untying(['1 one', '2 one', '3 three', 'buildcache cache'], means);
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9', 'buildcache']);
      for (const nickname of ['one', 'three']) assert.equal(scene.registry.has(LEGACY, nickname), false);
      assert.equal(scene.registry.has(LEGACY, `ledger ${markerTag(RUN, 1)}`), false);
      assert.deepEqual(tagOutcomes(scene), { 1: 'deleted', 2: 'deleted', 3: 'deleted' });
    });

    it('takes a doomed twin of a kept tag away, and leaves the manifest', async () => {
      const scene = await untying(['8 kept', '7 seven'], means);
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assert.equal(scene.registry.has(LEGACY, 'kept'), true);
      assert.deepEqual(tagOutcomes(scene), { 7: 'deleted', 8: 'deleted' });
    });

    it('looks at each tag immediately before it is untied', async () => {
      const scene = await untying(['1 one', '2 two'], means);
      await scene.step(deleteTags);
      const calls = scene.registry.calls.map(({ operation, reference }) => `${operation} ${reference}`);
      for (const name of ['1', '2'])
        assert.ok(calls.indexOf(`resolve ${name}`) < calls.indexOf(`untie ${name}`));
      assert.ok(calls.indexOf('resolve 1') >= 0);
    });

    it('asks the registry for each tag once, and for none that it has untied', async () => {
      const scene = await untying(['1 one', '2 two'], means);
      const before = scene.registry.count('resolve');
      await scene.step(deleteTags);
      // The two doomed tags before they are untied, and afterwards the one that stays.
      assert.equal(scene.registry.count('resolve') - before, 3);
    });

    it('leaves a tag alone that has moved, and what it stands for now', async () => {
      const scene = await untying(['1 one', '2 two', '3 three'], means);
      scene.registry.push(LEGACY, '1', 'two');
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9', '1']);
      assert.equal(scene.registry.has(LEGACY, 'two'), true);
      assert.deepEqual(tagOutcomes(scene), { 1: 'drifted', 2: 'deleted', 3: 'deleted' });
    });

    it('spares the manifest of a tag that is pushed while it unties', async () => {
      const scene = await untying(['1 one', '2 two'], means);
      scene.registry.after = ({ operation }) => {
        if (operation === 'sweep') scene.registry.push(LEGACY, 'release', 'one');
      };
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9', 'release']);
      assert.equal(scene.registry.has(LEGACY, 'one'), true);
      assert.equal(scene.registry.has(LEGACY, 'two'), false);
    });

    it('leaves what was pushed under an untied tag, also if somebody runs it', async () => {
      const scene = await untying(['1 one', '2 two'], means);
      scene.registry.after = ({ operation }) => {
        if (operation !== 'sweep' || scene.registry.has(LEGACY, 'rebuilt')) return;
        scene.registry.push(LEGACY, '1', 'rebuilt');
        scene.imagesInUse.uses = [{ image: `registry:5000/${LEGACY}:1`, by: 'Pod x/y' }];
        scene.clock.advance(6000);
      };
      await scene.step(deleteTags);
      assert.ok(scene.registry.dump().includes(`${LEGACY}:1 ${digest('rebuilt')}`));
      assert.deepEqual(tagOutcomes(scene), { 1: 'drifted', 2: 'deleted' });
    });

    it('spares the manifest of a tag that is pushed again as it was', async () => {
      const scene = await untying(['1 one', '2 two'], means);
      scene.registry.after = ({ operation }) => {
        if (operation === 'sweep') scene.registry.push(LEGACY, '1', 'one');
      };
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9', '1']);
      assert.equal(scene.registry.has(LEGACY, 'one'), true);
      assert.deepEqual(tagOutcomes(scene), { 1: 'drifted', 2: 'deleted' });
    });

    it('writes down in the registry what it unties, before it unties anything', async () => {
      const scene = await untying(manyTags(20), means);
      let written = 0;
      scene.registry.after = ({ operation }) => {
        if (operation === 'writeLedger') written += 1;
      };
      scene.registry.before = ({ operation }) => {
        if (operation === 'untie') assert.equal(written, 1);
        if (operation === 'writeLedger')
          assert.ok(
            scene.journal().some((line) => line.startsWith('registry-cleaner-')),
            'on disk first',
          );
      };
      await scene.step(deleteTags);
      assert.equal(written, 1);
    });

    for (const [operation, n] of [
      ['writeLedger', 1],
      ['untie', 1],
      ['untie', 4],
      ['sweep', 1],
      ['delete', 1],
      ['delete', 3],
      ['removeLedger', 1],
    ] as const) {
      it(`is finished by a resume when it was killed at ${operation} ${n}`, async () => {
        const scene = await untying(['8 kept', ...manyTags(6)], means);
        await killed(scene, operation, n);
        restart(scene);
        await scene.step(deleteTags);
        assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
        assertNoManifests(scene, manyTags(6));
        assert.equal(scene.registry.has(LEGACY, 'kept'), true);
      });

      it(`is finished from another machine when it was killed at ${operation} ${n}`, async () => {
        const scene = await untying(['8 kept', ...manyTags(6)], means);
        await killed(scene, operation, n);
        const other = await elsewhere(scene, entry(A, 9));
        await other.step(deleteTags);
        assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
        assertNoManifests(scene, manyTags(6));
        assert.equal(scene.registry.has(LEGACY, 'kept'), true);
      });
    }
  });

describe('what an unfinished run has untied', () => {
  it('goes back to where it was when the file keeps it now', async () => {
    const scene = await untying(['8 kept', '7 seven', '6 six']);
    await killed(scene, 'sweep', 1);
    const other = await elsewhere(scene, entry(A, 9, 8, 7));
    assert.equal(other.plans.get(LEGACY)?.tags.find(({ tag }) => tag === '7')?.fate, 'retain');
    await other.step(deleteTags);
    assert.deepEqual(scene.registry.dump(), [
      `${LEGACY}:7 ${digest('seven')}`,
      `${LEGACY}:8 ${digest('kept')}`,
      `${LEGACY}:9 ${digest('kept')}`,
    ]);
    assert.equal(scene.registry.has(LEGACY, 'six'), false);
  });

  it('goes back even when it has been swept away already', async () => {
    for (const means of ['tag', 'throw-away'] as const) {
      const scene = await untying(['8 kept', '7 seven', '6 six', '5 five'], means);
      await killed(scene, 'delete', 1);
      assert.equal(scene.registry.tags(LEGACY).includes(tag('7')), false);
      const other = await elsewhere(scene, entry(A, 9, 8, 7));
      await other.step(deleteTags);
      assert.deepEqual(scene.registry.dump(), [
        `${LEGACY}:7 ${digest('seven')}`,
        `${LEGACY}:8 ${digest('kept')}`,
        `${LEGACY}:9 ${digest('kept')}`,
      ]);
      assertNoManifests(scene, ['6 six', '5 five']);
    }
  });

  describe('by a registry that was ended in the middle of sweeping: the tags stand for nothing', () => {
    async function halfSwept(lines: readonly string[]): Promise<Scene> {
      const scene = await untying(lines);
      await killed(scene, 'sweep', 1);
      scene.registry.breakManifest(LEGACY, `throw-away of ${markerTag(RUN, 1)}`);
      assert.equal(scene.registry.tags(LEGACY).includes(tag('7')), true);
      return scene;
    }

    it('is finished by a resume', async () => {
      const scene = await halfSwept(['8 kept', '7 seven', '6 six']);
      restart(scene);
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assertNoManifests(scene, ['7 seven', '6 six']);
      assert.equal(scene.context.outcomes.of(LEGACY, tag('7'))?.outcome, 'deleted');
    });

    it('is finished from another machine', async () => {
      const scene = await halfSwept(['8 kept', '7 seven', '6 six']);
      const other = await elsewhere(scene, entry(A, 9));
      await other.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assertNoManifests(scene, ['7 seven', '6 six']);
    });

    it('goes back to where it was when the file keeps it now', async () => {
      const scene = await halfSwept(['8 kept', '7 seven', '6 six']);
      const other = await elsewhere(scene, entry(A, 9, 7));
      await other.step(deleteTags);
      assert.deepEqual(scene.registry.dump(), [
        `${LEGACY}:7 ${digest('seven')}`,
        `${LEGACY}:9 ${digest('kept')}`,
      ]);
    });
  });

  describe('by a registry that was ended in the middle of removing the files of a tag: no sweep sees it', () => {
    for (const means of ['tag', 'throw-away'] as const)
      it(`is finished by a resume (by ${means})`, async () => {
        const scene = await untying(['8 kept', '7 seven', '6 six'], means);
        await killed(scene, 'sweep', 1);
        scene.registry.halfRemove(LEGACY, '7');
        restart(scene);
        await scene.step(deleteTags);
        assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
        assertNoManifests(scene, ['7 seven', '6 six']);
        assert.equal(scene.context.outcomes.of(LEGACY, tag('7'))?.outcome, 'deleted');
      });

    it('is finished by the same start', async () => {
      const scene = await untying(['8 kept', '7 seven', '6 six']);
      let sweeps = 0;
      scene.registry.before = ({ operation }) => {
        if (operation !== 'sweep') return;
        sweeps += 1;
        if (sweeps > 1) return;
        scene.registry.halfRemove(LEGACY, '7');
        throw temporary('the registry was ended');
      };
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assertNoManifests(scene, ['7 seven', '6 six']);
      assert.deepEqual(tagOutcomes(scene), { 6: 'deleted', 7: 'deleted', 8: 'deleted' });
    });

    it('leaves no marker either', async () => {
      const scene = await untying(['8 kept', '7 seven']);
      let removals = 0;
      scene.registry.after = ({ operation }) => {
        if (operation !== 'removeLedger') return;
        removals += 1;
        if (removals > 1) return;
        scene.registry.halfRemove(LEGACY, markerTag(RUN, 1));
        throw temporary('the registry was ended');
      };
      await scene.step(deleteTags);
      assert.equal(removals, 2);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    });
  });

  describe('by a registry that was ended in the middle of writing: it cannot read what it has', () => {
    it('is finished by a resume: a tag', async () => {
      const scene = await untying(['8 kept', '7 seven', '6 six']);
      await killed(scene, 'sweep', 1);
      scene.registry.emptyTag(LEGACY, '7');
      restart(scene);
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assertNoManifests(scene, ['7 seven', '6 six']);
      assert.equal(scene.context.outcomes.of(LEGACY, tag('7'))?.outcome, 'deleted');
    });

    it('is finished by the same start: a tag', async () => {
      const scene = await untying(['8 kept', '7 seven', '6 six']);
      let ended = 0;
      scene.registry.after = ({ operation, reference }) => {
        if (operation !== 'untie' || reference !== '7' || ended > 0) return;
        ended += 1;
        scene.registry.emptyTag(LEGACY, '7');
        throw temporary('the connection was cut');
      };
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assertNoManifests(scene, ['7 seven', '6 six']);
    });

    it('is finished from another machine: a tag', async () => {
      const scene = await untying(['8 kept', '7 seven', '6 six']);
      await killed(scene, 'sweep', 1);
      scene.registry.emptyTag(LEGACY, '7');
      const other = await elsewhere(scene, entry(A, 9));
      await other.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assertNoManifests(scene, ['7 seven', '6 six']);
    });

    it('goes back to where it was when the file keeps it now: a tag', async () => {
      const scene = await untying(['8 kept', '7 seven', '6 six']);
      await killed(scene, 'sweep', 1);
      scene.registry.emptyTag(LEGACY, '7');
      const other = await elsewhere(scene, entry(A, 9, 7));
      await other.step(deleteTags);
      assert.deepEqual(scene.registry.dump(), [
        `${LEGACY}:7 ${digest('seven')}`,
        `${LEGACY}:9 ${digest('kept')}`,
      ]);
    });

    it('is finished by a resume: a ledger', async () => {
      const scene = await untying(['8 kept', '7 seven', '6 six']);
      await killed(scene, 'writeLedger', 1);
      scene.registry.emptyTag(LEGACY, markerTag(RUN, 1));
      restart(scene);
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
      assertNoManifests(scene, ['7 seven', '6 six']);
    });

    it('is left alone, and named, when nothing tells that it is ours', async () => {
      const scene = await untying(['8 kept', '7 seven']);
      scene.registry.push(LEGACY, 'buildcache', 'cache');
      scene.registry.emptyTag(LEGACY, 'buildcache');
      await assert.rejects(scene.step(deleteTags), (error: unknown) => {
        assert.ok(error instanceof RegistryError);
        assert.match(error.message, /buildcache, and cannot read it/);
        assert.match(error.next, /pushed again/);
        return true;
      });
    });
  });

  it('goes back when its environment is not in the file', async () => {
    const scene = await untying(['7 seven', '6 six']);
    await killed(scene, 'delete', 1);
    const other = await elsewhere(scene, entry(B, 1));
    scene.registry.push(LEGACY, '9', 'kept');
    const plan = planRepository(
      await contentOf(other.context, { ref: legacyRef(A), tags: scene.registry.tags(LEGACY) }),
      [entry(B, 1)],
      { unties: true },
    );
    assert.deepEqual(plan.tags.map(({ tag, fate }) => `${tag} ${fate}`).sort(), [
      '6 other',
      '7 other',
      '9 other',
    ]);
  });

  it('goes back when the tag was struck, or newly retained, before the resume', async () => {
    const scene = await untying(['7 seven', '6 six']);
    await killed(scene, 'sweep', 1);
    restart(scene);
    const plan = scene.plans.get(LEGACY);
    assert.ok(plan);
    const tags = plan.tags.map((planned) =>
      planned.tag === '7' ? { ...planned, fate: 'struck' as const } : planned,
    );
    scene.plans.set(LEGACY, { ...plan, tags });
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.dump(), [
      `${LEGACY}:7 ${digest('seven')}`,
      `${LEGACY}:9 ${digest('kept')}`,
    ]);
  });

  it('is said to be lost when its manifest is gone', async () => {
    const scene = await untying(['7 seven', '6 six']);
    await killed(scene, 'sweep', 1);
    scene.registry.breakManifest(LEGACY, 'seven');
    const other = await elsewhere(scene, entry(A, 9, 7));
    await other.step(deleteTags);
    assert.match(
      other.person.warnings.join('\n'),
      /7 was untied by an unfinished run and cannot be put back/,
    );
  });

  it('is tidied up where the registry has lost the ledger itself', async () => {
    for (const go of [async (scene: Scene) => scene, (scene: Scene) => elsewhere(scene, entry(A, 9))]) {
      const scene = await untying(['7 seven']);
      await killed(scene, 'removeLedger', 1);
      scene.registry.breakManifest(LEGACY, `ledger ${markerTag(RUN, 1)}`);
      restart(scene);
      await (await go(scene)).step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    }
  });
});

/** What a registry answers that has no room left for what it is given. */
const noRoom = new RegistryError('the registry answered 500', { failure: 'temporary', internal: true });

describe('a failure while untying', () => {
  it('of one tag leaves its manifest, and takes the others', async () => {
    const scene = await untying(['1 one', '2 one', '3 three']);
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'untie' && reference === tag('1'))
        throw new RegistryError('no', { failure: 'other' });
    };
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', '1']);
    assert.equal(scene.registry.has(LEGACY, 'one'), true);
    assert.deepEqual(tagOutcomes(scene), { 1: 'failed', 2: 'deleted', 3: 'deleted' });
    scene.registry.before = () => {};
    restart(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    assert.equal(scene.registry.has(LEGACY, 'one'), false);
  });

  it('of a manifest is told, and the ledger stays until a resume has deleted it', async () => {
    const scene = await untying(['1 one', '2 two']);
    dieAt(scene, 'delete');
    await scene.step(deleteTags);
    assert.deepEqual(tagOutcomes(scene), { 1: 'failed', 2: 'failed' });
    assert.match(
      scene.outcomes.with('failed').at(-1)?.reason ?? '',
      /the tag is gone, but its manifest is not/,
    );
    assert.ok(scene.registry.tags(LEGACY).some(isMarker));
    scene.registry.before = () => {};
    restart(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    assertNoManifests(scene, ['1 one', '2 two']);
  });

  it('of one sweep among several leaves every manifest, and every ledger, until a resume', async () => {
    const lines = manyTags(250);
    const scene = await untying(lines);
    const markers = [1, 2, 3].map((number) => markerTag(RUN, number));
    dieAt(scene, 'sweep', 2);
    await assert.rejects(scene.step(deleteTags), RegistryError);
    assert.equal(scene.registry.count('delete'), 0);
    assert.deepEqual(scene.registry.tags(LEGACY).filter(isMarker).toSorted(), markers);
    scene.registry.before = () => {};
    restart(scene);
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    assertNoManifests(scene, lines);
  });

  it('because deletion was switched off is blamed on whoever did it', async () => {
    const scene = await untying(['1 one']);
    scene.registry.after = ({ operation }) => {
      if (operation !== 'untie') return;
      scene.workload.setVariable('false');
      scene.clock.advance(60_000);
      scene.workload.isUp();
      scene.clock.advance(60_000);
    };
    await assert.rejects(scene.step(deleteTags), /deletion setting was changed back/);
  });

  it('of the registry to remove a tag is told, and ends nothing', async () => {
    const scene = await untying(['1 one', '2 two']);
    scene.registry.after = ({ operation }) => {
      if (operation === 'sweep' || operation === 'removeDangling') scene.registry.halfRemove(LEGACY, '1');
    };
    await scene.step(deleteTags);
    assert.deepEqual(tagOutcomes(scene), { 1: 'failed', 2: 'deleted' });
    assert.match(scene.outcomes.with('failed').at(-1)?.reason ?? '', /still lists it/);
  });

  it('to write a ledger, for want of room, does not keep a resume from deleting by digest', async () => {
    const scene = await untying(['1 one', '2 two']);
    scene.registry.before = ({ operation }) => {
      if (operation === 'writeLedger') throw noRoom;
    };
    await assert.rejects(scene.step(deleteTags), /500/);
    await scene.run.journal.flush();
    restart(scene);
    scene.context = { ...scene.context, settings: { ...scene.context.settings, strategy: 'by-digest' } };
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    assert.equal(scene.registry.count('untie'), 0);
    assert.equal(scene.context.outcomes.isSettled(LEGACY, markerTag(RUN, 1)), true);
  });

  it('after a ledger was written is finished by untying, whatever the resume asks for', async () => {
    const scene = await untying(['1 one', '2 two']);
    await killed(scene, 'untie', 2);
    await scene.run.journal.flush();
    restart(scene);
    scene.context = { ...scene.context, settings: { ...scene.context.settings, strategy: 'by-digest' } };
    await scene.step(deleteTags);
    assert.ok(scene.registry.count('sweep') > 0);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
  });

  it('to write the ledger of a twin, for want of room, does not keep the rest from being deleted', async () => {
    const scene = deletingScene();
    scene.registry.canUntie('throw-away');
    // In either scheme.
    for (const [name, nickname] of Object.entries({ 9: 'kept9', 8: 'kept9', 7: 'seven' }))
      scene.registry.push(NEW_REPOSITORY, `${A}-${name}`, nickname);
    await planned(['1 one', '2 two', '8 kept'], scene);
    scene.context = { ...scene.context, settings: { ...scene.context.settings, strategy: 'by-digest' } };
    scene.registry.before = ({ operation }) => {
      if (operation === 'writeLedger') throw noRoom;
    };
    await assert.rejects(scene.step(deleteTags), noRoom);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9', '8']);
    assert.deepEqual(scene.registry.tags(NEW_REPOSITORY).sort(), [`${A}-8`, `${A}-9`]);
  });

  it('that passes is tried again', async () => {
    const scene = await untying(manyTags(10));
    let failures = 0;
    scene.registry.after = ({ operation }) => {
      if (!['untie', 'sweep', 'delete', 'writeLedger', 'removeLedger'].includes(operation)) return;
      failures += 1;
      if (failures % 3 === 1) throw temporary('the answer was lost');
    };
    await scene.step(deleteTags);
    assert.deepEqual(scene.registry.tags(LEGACY), ['9']);
    assert.ok(failures > 5);
  });

  it('ends at once when the person interrupts', async () => {
    const scene = await untying(manyTags(200));
    const reason = new InterruptedError('SIGINT');
    let untied = 0;
    scene.registry.after = ({ operation }) => {
      if (operation !== 'untie') return;
      untied += 1;
      if (untied === 10) scene.interrupt(reason);
    };
    await assert.rejects(scene.step(deleteTags), reason);
    assert.ok(untied < 40, `${untied} untied`);
    assert.match(scene.person.warnings.join('\n'), /untied.*--resume finishes it/);
  });
});

async function killed(scene: Scene, operation: string, n: number): Promise<void> {
  dieAt(scene, operation, n);
  await scene
    .step(deleteTags)
    .catch((error: unknown) => assert.ok(error instanceof RegistryError, String(error)));
  scene.registry.before = () => {};
}

function assertNoManifests(scene: Scene, lines: readonly string[]): void {
  for (const line of lines) {
    const nickname = line.split(' ')[1] ?? '';
    assert.equal(scene.registry.has(LEGACY, nickname), false, `${nickname} is still there`);
  }
}

/** Without the ledgers. */
function tagOutcomes(scene: Scene): Record<string, string> {
  return Object.fromEntries(Object.entries(scene.outcomesByTag()).filter(([name]) => !isMarker(tag(name))));
}

describe('a deletion that takes long', () => {
  for (const strategy of ['by-digest', 'untag-first'] as const)
    it(`sees what was pushed since the last look: ${strategy}`, async () => {
      const scene = await untying(manyTags(60));
      const { settings } = scene.context;
      scene.context = { ...scene.context, settings: { ...settings, strategy, concurrency: 1 } };
      let deleted = 0;
      scene.registry.after = ({ operation }) => {
        if (operation !== 'delete') return;
        deleted += 1;
        if (deleted !== 10) return;
        scene.registry.push(LEGACY, 'release', 'm59');
        scene.clock.advance(6 * 60_000);
      };
      await scene.step(deleteTags);
      assert.deepEqual(
        scene.registry.tags(LEGACY).filter((name) => name !== tag('159')),
        ['9', 'release'],
      );
      assert.equal(scene.registry.has(LEGACY, 'm59'), true);
      assert.equal(scene.registry.has(LEGACY, 'm58'), false);
    });
});

describe('an image index that is deleted', () => {
  for (const strategy of ['by-digest', 'untag-first'] as const) {
    const indexed = async () => {
      const scene = deletingScene();
      scene.registry.canUntie('throw-away');
      for (const nickname of ['amd64', 'arm64', 'both']) scene.registry.push(LEGACY, '', nickname);
      scene.registry.push(LEGACY, '5', 'index', ['amd64', 'both']);
      scene.registry.push(LEGACY, '6', 'second', ['both', 'arm64']);
      scene.registry.push(LEGACY, 'buildcache', 'cache', ['arm64']);
      await planned(['1 one'], scene);
      scene.context = { ...scene.context, settings: { ...scene.context.settings, strategy } };
      return scene;
    };

    it(`takes along what nothing else lists: ${strategy}`, async () => {
      const scene = await indexed();
      await scene.step(deleteTags);
      assert.deepEqual(scene.registry.tags(LEGACY), ['buildcache', '9']);
      const left = ['amd64', 'arm64', 'both', 'index', 'second'].filter((each) =>
        scene.registry.has(LEGACY, each),
      );
      assert.deepEqual(left, ['arm64']);
    });

    it(`leaves what an index lists that could not be deleted: ${strategy}`, async () => {
      const scene = await indexed();
      scene.registry.before = ({ operation, reference }) => {
        if (operation === 'delete' && reference === digest('second'))
          throw new RegistryError('no', { failure: 'other' });
      };
      await scene.step(deleteTags);
      assert.equal(scene.registry.has(LEGACY, 'both'), true);
      assert.equal(scene.registry.has(LEGACY, 'amd64'), false);
      scene.registry.before = () => {};
      restart(scene);
      await scene.step(deleteTags);
      assert.equal(scene.registry.has(LEGACY, 'both'), false);
    });

    it(`takes along what an earlier start was killed before: ${strategy}`, async () => {
      const scene = await indexed();
      scene.registry.before = ({ operation, reference }) => {
        if (operation === 'delete' && reference === digest('amd64'))
          throw new Error('the program was killed');
      };
      await assert.rejects(scene.step(deleteTags), /killed/);
      scene.registry.before = () => {};
      restart(scene);
      await scene.step(deleteTags);
      assert.equal(scene.registry.has(LEGACY, 'amd64'), false);
    });
  }
});
