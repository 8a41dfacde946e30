import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { reclaim } from '../../src/commands/reclaim.ts';
import { recover } from '../../src/commands/recover.ts';
import { InterruptedError, RefusedError, RegistryError, UsageError } from '../../src/domain/errors.ts';
import { pastRun, tellRuns } from '../../src/domain/history.ts';
import { type Digest, NEW_REPOSITORY } from '../../src/domain/names.ts';
import { READ_ONLY_VARIABLE, VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry } from '../../src/domain/workload.ts';
import type { RawOptions } from '../../src/options/values.ts';
import { A, digest } from '../domain/builders.ts';
import type { Program } from '../support/fakes/world.ts';
import { killAt, live } from './crash.ts';
import { Scenario } from './scenario.ts';

const DELETE = { delete: true, yes: true, reclaim: true };
const GARBAGE = `sha256:${'b'.repeat(64)}` as Digest;

function scenario(env?: readonly EnvEntry[]): Scenario {
  const scene = new Scenario(env);
  scene.collector.stored.set(`sha256:${'a'.repeat(64)}` as Digest, 100).set(GARBAGE, 2000);
  scene.collector.garbage.add(GARBAGE);
  return scene;
}

let scene: Scenario;
beforeEach(() => {
  scene = scenario();
});

async function reclaimed(flags: RawOptions = { yes: true }, prepare: (program: Program) => void = () => {}) {
  const program = scene.start(flags);
  prepare(program);
  let error: unknown;
  await reclaim(program.world, program.tally).catch((thrown: unknown) => {
    error = thrown;
  });
  scene.lease.fate = 'dead';
  return { program, error };
}

/** The registry takes pushes, by its template. */
function isWritable({ workload }: Scenario): boolean {
  return !JSON.stringify(workload.snapshot()).includes(READ_ONLY_VARIABLE);
}

/** Which steps were shown, with what became of them. */
function shown({ person }: Program): string[] {
  return person.shown.map((line) => line.split(':')[0] ?? '');
}

describe('deleting with --reclaim', () => {
  it('collects garbage between deleting and putting everything back, with one restart less', async () => {
    const { program } = await scene.cleanly(DELETE);
    assert.deepEqual(shown(program).slice(-9), [
      ...[
        'delete',
        'move-done',
        'make-read-only',
        'verify',
        'collect-garbage',
        'make-writable',
        'disable-delete',
        'verify',
        'teardown',
      ],
    ]);
    scene.assertPutBack();
    assert.equal(scene.workload.patches.length, 3);
    assert.equal(scene.collector.stored.has(GARBAGE), false);
    assert.equal(program.tally.reclaimed?.bytes, 2000);
    assert.match(String(scene.record.reclaimedAt), /^2026-/);
    assert.equal(scene.record.beforeReclaim, undefined);
    assert.match(program.person.said.join('\n'), /can no longer be taken back/);
  });

  it('collects nothing when the check has found something lost, which could not be brought back then', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation === 'delete') scene.registry.untag(NEW_REPOSITORY, `${A}-4`);
    };
    const { program, failed } = await scene.cleanly(DELETE);
    assert.equal(failed, 1);
    assert.deepEqual(
      program.person.shown.filter((line) => line.startsWith('collect-garbage')),
      ['collect-garbage: skipped (1 tag lost that had to stay: nothing is made final)'],
    );
    assert.equal(scene.collector.stored.has(GARBAGE), true);
    assert.equal(scene.record.reclaimedAt, undefined);
    scene.assertPutBack();
  });

  it('says beforehand how often the registry restarts', async () => {
    const restarts = async (env?: EnvEntry[]) => {
      scene = scenario(env);
      const { program } = await scene.cleanly(DELETE);
      return program.person.reviews.at(-1)?.circumstances.restarts;
    };
    assert.equal(await restarts(), 3);
    assert.equal(await restarts([{ name: VARIABLE, value: 'true' }]), 2);
  });

  it('asks, and says what it means, also of whoever has agreed to a deletion only', async () => {
    const ask = (flags: RawOptions) =>
      scene.clean(flags, ({ person }) => {
        person.present = true;
        person.answer = 'no';
      });
    scene.registry.before = ({ operation }) => {
      if (operation === 'delete') throw new RegistryError('no', { failure: 'other' });
    };
    await scene.clean({ delete: true, yes: true });
    scene.registry.before = () => {};
    assert.match(String((await ask({ resume: true, reclaim: true })).error), /not confirmed/);
    scene = scenario();
    const { program, error } = await ask({ delete: true, reclaim: true });
    assert.ok(error instanceof RefusedError);
    assert.match(program.person.questions.join('\n'), /delete 4 tags .* and collect the garbage of/);
    assert.match(program.person.said.join('\n'), /can then no longer be taken back/);
    assert.deepEqual(scene.workload.patches, []);
  });

  it('needs --delete', async () => {
    const { error } = await scene.clean({ reclaim: true });
    assert.ok(error instanceof UsageError);
    assert.deepEqual(scene.workload.patches, []);
  });

  it('does not delete where a variable asks for a dry run; planning is one', async () => {
    const dry = { 'dry-run': true };
    await scene.cleanly(dry);
    for (const flags of [
      { delete: true, yes: true, fresh: true },
      { delete: true, yes: true, resume: true },
    ]) {
      const { error } = await scene.clean({ ...flags, ...dry });
      assert.match(String(error), /REGISTRY_CLEANER_DRY_RUN/);
    }
    assert.deepEqual(scene.workload.patches, []);
  });

  it('finds out before anything is changed that it could not be done', async () => {
    scene.collector.inFiles = false;
    const { error } = await scene.clean(DELETE);
    assert.match(`${(error as Error).message} ${(error as RefusedError).next}`, /--allow-unseen-uploads/);
    assert.deepEqual(scene.workload.patches, []);
    await scene.cleanly({ ...DELETE, 'allow-unseen-uploads': true });
    assert.equal(scene.collector.garbage.size, 0);
  });

  it('collects as well where nothing is left to delete', async () => {
    await scene.cleanly({ delete: true, yes: true });
    scene.workload.patches.length = 0;
    await scene.cleanly(DELETE);
    assert.equal(scene.collector.garbage.size, 0);
    assert.equal(scene.workload.patches.length, 2);
    scene.assertPutBack();
  });

  it('is finished by a resume that has nothing else to do', async () => {
    scene.collector.exitStatus = 1;
    const failed = await scene.clean(DELETE);
    assert.match(String(failed.error), /ended with 1/);
    scene.assertPutBack();
    scene.collector.exitStatus = 0;
    const { program } = await scene.cleanly({ resume: true });
    assert.ok(shown(program).includes('collect-garbage'));
    assert.equal(scene.collector.garbage.size, 0);
    assert.equal(scene.record.stage, 'finished');
  });

  describe('once more, after a tag could not be deleted at first', () => {
    beforeEach(async () => {
      scene.registry.before = ({ operation, reference }) => {
        if (operation === 'delete' && reference === digest('old1'))
          throw new RegistryError('no', { failure: 'other' });
      };
      await scene.cleanly(DELETE);
      scene.registry.before = () => {};
      assert.deepEqual([scene.record.stage, scene.collector.stored.has(GARBAGE)], ['incomplete', false]);
      assert.equal(scene.record.deletedSince, undefined);
      scene.collector.stored.set(GARBAGE, 1);
      scene.collector.garbage.add(GARBAGE);
    });

    /** What is left is deleted, and not collected. */
    async function interrupted(): Promise<void> {
      const { error } = await scene.clean({ ...DELETE, resume: true }, (program) => {
        scene.registry.after = ({ operation }) => {
          if (operation === 'delete') program.interrupt(new InterruptedError('SIGTERM'));
        };
      });
      assert.ok(error instanceof InterruptedError);
      scene.registry.after = () => {};
    }

    it('collects what an interrupted resume has deleted since', async () => {
      await interrupted();
      const { program } = await scene.cleanly({ resume: true });
      assert.equal(program.person.reviews[0]?.circumstances.restarts, 2);
      assert.equal(scene.record.stage, 'finished');
      assert.equal(scene.collector.stored.has(GARBAGE), false, program.person.shown.join('\n'));
      scene.assertPutBack();
    });

    it('does not say that this cannot be taken back, until collecting it has begun', async () => {
      await interrupted();
      assert.match(tellRuns([pastRun(scene.record, undefined)]), /only in part/);
      scene.collector.exitStatus = 1;
      assert.match(String((await scene.clean({ resume: true })).error), /ended with 1/);
      assert.doesNotMatch(tellRuns([pastRun(scene.record, undefined)]), /only in part/);
    });

    it('collects it although a resume has begun with that and failed', async () => {
      await interrupted();
      scene.collector.exitStatus = 1;
      await scene.clean({ resume: true });
      scene.collector.exitStatus = 0;
      await scene.cleanly({ resume: true });
      assert.equal(scene.collector.stored.has(GARBAGE), false);
      assert.equal(scene.record.stage, 'finished');
    });
  });

  for (const [how, collect] of Object.entries({
    'with a later run': () => scene.cleanly(DELETE),
    alone: () => reclaimed(),
  }))
    it(`marks every earlier run of this registry, whose deletions are final by now: ${how}`, async () => {
      await scene.cleanly({ delete: true, yes: true });
      const [earlier = ''] = scene.disk.runs.keys();
      assert.equal(scene.disk.runs.get(earlier)?.record.reclaimedAt, undefined);
      await collect();
      assert.match(String(scene.disk.runs.get(earlier)?.record.reclaimedAt), /^2026-/);
    });
});

describe('reclaim, alone', () => {
  it('makes read-only, collects, and makes writable', async () => {
    const { program, error } = await reclaimed();
    assert.equal(error, undefined);
    assert.deepEqual(program.person.shown, [
      'make-read-only: done',
      'collect-garbage: 1 blob, 2.0 KiB as measured on the volume',
      'make-writable: as before',
    ]);
    scene.assertPutBack();
    assert.deepEqual([program.tally.mode, program.tally.reclaimed?.bytes], ['reclaim', 2000]);
    assert.equal(scene.disk.runs.size, 0);
  });

  it('only tells what would go, without a lease, with --dry-run', async () => {
    scene.lease.before = () => assert.fail('nobody asked for the lease');
    const { program } = await reclaimed({ 'dry-run': true });
    assert.deepEqual(program.person.shown, [
      "collect-garbage: the collector would take 1 blob, 2.0 KiB by the blobs' sizes",
    ]);
    assert.equal(scene.collector.garbage.size, 1);
    assert.deepEqual(scene.workload.patches, []);
  });

  it('has to be confirmed', async () => {
    assert.ok((await reclaimed({})).error instanceof UsageError);
    const { program, error } = await reclaimed({}, ({ person }) => {
      person.present = true;
      person.answer = 'wrong';
    });
    assert.ok(error instanceof RefusedError);
    assert.match(program.person.said.join('\n'), /can then no longer be taken back/);
    assert.deepEqual(scene.workload.patches, []);
    scene.assertPutBack();
  });

  it('does not begin in a window that is too short, by what earlier runs tell of restarts', async () => {
    await scene.cleanly({ delete: true, yes: true });
    scene.workload.patches.length = 0;
    const { error } = await reclaimed({ yes: true, 'stop-after': '10s' });
    assert.ok(error instanceof RefusedError, String(error));
    assert.match(`${error.message} ${error.next}`, /too short.*Nothing was changed\. Start again/);
    assert.deepEqual(scene.workload.patches, []);
    assert.equal((await reclaimed({ yes: true, 'stop-after': '2m' })).error, undefined);
  });

  for (const key of ['make-read-only', 'collect-garbage', 'make-writable'])
    it(`puts everything back after a signal in the step ${key}`, async () => {
      const { error } = await reclaimed({ yes: true }, (program) => {
        program.person.before = (step) => {
          if (step === key) program.interrupt(new InterruptedError('SIGINT'));
        };
      });
      assert.ok(error instanceof InterruptedError);
      scene.assertPutBack();
    });

  it('ends its collector after a signal, before it is writable', async () => {
    const { error } = await reclaimed({ yes: true }, (program) => {
      scene.collector.onLine = () => {
        program.interrupt(new InterruptedError('SIGTERM'));
        throw new InterruptedError('SIGTERM');
      };
      scene.workload.after = (call) => {
        if (call === 'patch' && isWritable(scene)) assert.deepEqual([...scene.collector.living], []);
      };
    });
    assert.ok(error instanceof InterruptedError);
    assert.equal(scene.collector.ended.length, 1);
    scene.assertPutBack();
  });
});

describe('killed at any call, and recovered by somebody else', () => {
  /** The call after which the registry is being made read-only; crash.test.ts goes through what comes before. */
  async function callsBefore(
    begin: (scene: Scenario, prepare: (program: Program) => void) => Promise<unknown>,
  ) {
    const current = scenario();
    let [calls, before] = [0, 0];
    const { registry, workload, pod, disk, lease, collector } = current;
    const count = () => {
      calls += 1;
    };
    registry.before = registry.after = workload.before = workload.after = count;
    pod.before = disk.before = lease.before = lease.after = count;
    collector.before = collector.after = collector.onLine = count;
    scene = current;
    await begin(current, ({ person }) => {
      person.before = (step) => {
        if (step === 'make-read-only') before = calls;
      };
    });
    return before;
  }

  /** Kills at each call in turn. @param finish what the killed program's user does after that */
  async function everywhere(
    begin: (scene: Scenario, prepare?: (program: Program) => void) => Promise<unknown>,
    finish: (scene: Scenario) => Promise<void>,
  ): Promise<number> {
    const from = await callsBefore(begin);
    for (let call = from; ; call += 1) {
      scene = scenario();
      const current = scene;
      killAt(current, call);
      const error = await begin(current);
      live(current);
      current.workload.after = (done) => {
        if (done === 'patch' && isWritable(current))
          assert.deepEqual([...current.collector.living], [], `killed at call ${call}`);
      };
      await recover(current.start().world);
      assert.deepEqual([...current.collector.living], [], `killed at call ${call}`);
      // Where a killed start has put everything back, and only its rollout is not over.
      await current.clock.sleep(10_000, AbortSignal.timeout(10_000));
      current.assertPutBack();
      await finish(current);
      if (error === undefined) return call - from;
    }
  }

  it('reclaim: everything is as before, and no collector lives', async () => {
    const calls = await everywhere(
      async (_, prepare) => (await reclaimed({ yes: true }, prepare)).error,
      async () => {
        const { error } = await reclaimed();
        assert.equal(error, undefined);
        assert.equal(scene.collector.garbage.size, 0);
        scene.assertPutBack();
      },
    );
    assert.ok(calls > 30, `${calls} calls`);
  });

  it('clean --reclaim: the resume deletes and collects what is left', async () => {
    const calls = await everywhere(
      async (current, prepare) => (await current.clean(DELETE, prepare)).error,
      async (current) => {
        if (current.disk.runs.size === 0) return;
        if (current.record.stage !== 'finished') await current.cleanly({ ...DELETE, resume: true });
        assert.deepEqual(current.tagsLeft(), Scenario.kept);
        assert.equal(current.collector.garbage.size, 0);
        current.assertPutBack();
      },
    );
    assert.ok(calls > 30, `${calls} calls`);
  });

  it('clean --reclaim, resumed without being recovered', async () => {
    const from = await callsBefore(async (current, prepare) => await current.clean(DELETE, prepare));
    for (let call = from, isOver = false; !isOver; call += 1) {
      scene = scenario();
      killAt(scene, call);
      isOver = (await scene.clean(DELETE)).error === undefined;
      live(scene);
      if (scene.disk.runs.size === 0 || scene.record.stage === 'finished') continue;
      await scene.cleanly({ ...DELETE, resume: true });
      assert.deepEqual([...scene.collector.living], [], `killed at call ${call}`);
      assert.equal(scene.collector.garbage.size, 0, `killed at call ${call}`);
      scene.assertPutBack();
    }
  });
});
