import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { RefusedError, RegistryError, RestoreError, UnreachableError } from '../../src/domain/errors.ts';
import { LeaseLostError } from '../../src/domain/lease.ts';
import type { Digest } from '../../src/domain/names.ts';
import { ANNOTATION, READ_ONLY_VARIABLE, VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry } from '../../src/domain/workload.ts';
import { collect, collectGarbage, foresee } from '../../src/steps/collect-garbage.ts';
import { disableDelete } from '../../src/steps/disable-delete.ts';
import { enableDelete } from '../../src/steps/enable-delete.ts';
import { makeReadOnly } from '../../src/steps/make-read-only.ts';
import { makeWritable } from '../../src/steps/make-writable.ts';
import type { ReclaimBook } from '../../src/steps/reclaim-context.ts';
import { A, entry } from '../domain/builders.ts';
import { RUN, Scene } from './scene.ts';

const LEVEL: EnvEntry = { name: 'REGISTRY_LOG_LEVEL', value: 'info' };
const READ_ONLY: EnvEntry = { name: READ_ONLY_VARIABLE, value: '{"enabled":true}' };

function digest(letter: string): Digest {
  return `sha256:${letter.repeat(64)}` as Digest;
}

/** A run that has something to collect; with a book in memory. */
async function begun(env?: readonly EnvEntry[]): Promise<Scene & { marks: string[] }> {
  const scene = await new Scene(env).begin({ environments: [entry(A, 9)] });
  await scene.context.pod?.ensure(scene.context.signal);
  for (const [letter, size] of [
    ['a', 1000],
    ['b', 2000],
    ['c', 4000],
  ] as const)
    scene.collector.stored.set(digest(letter), size);
  scene.collector.garbage.add(digest('b')).add(digest('c'));
  const marks: string[] = [];
  const book: ReclaimBook = {
    run: RUN,
    before: undefined,
    async keepBefore(before) {
      (this as { before: unknown }).before = before;
    },
    async begin() {
      assert.equal(scene.collector.started.filter(({ dryRun }) => !dryRun).length, marks.length);
      marks.push('begun');
    },
    async finish() {},
  };
  scene.context = { ...scene.context, reclaim: book };
  // Whatever happens: the registry is not made writable while a collector lives in one of its pods.
  scene.workload.after = (call) => {
    if (call === 'patch' && !isReadOnly(scene)) assert.deepEqual([...scene.collector.living.keys()], []);
  };
  return Object.assign(scene, { marks });
}

function isReadOnly(scene: Scene): boolean {
  return JSON.stringify(scene.workload.snapshot()).includes(READ_ONLY_VARIABLE);
}

function loseLease({ context }: Scene): void {
  Object.assign(context.lease ?? {}, {
    requireHeld() {
      throw new LeaseLostError('lost');
    },
  });
}

function annotationOf(scene: Scene): string | undefined {
  return (scene.workload.snapshot() as { annotations: Record<string, string> }).annotations[ANNOTATION];
}

describe('making read-only, and writable again', () => {
  const forms: Record<string, readonly EnvEntry[] | undefined> = {
    'no env at all': undefined,
    'an empty env': [],
    'other entries': [LEVEL],
    'both as literals': [
      { name: READ_ONLY_VARIABLE, value: '{"enabled":false}' },
      LEVEL,
      { name: VARIABLE, value: 'false' },
    ],
    'both as references': [
      { name: VARIABLE, valueFrom: { configMapKeyRef: { name: 'registry', key: 'delete' } } },
      LEVEL,
      { name: READ_ONLY_VARIABLE, valueFrom: { configMapKeyRef: { name: 'registry', key: 'ro' } } },
    ],
  };
  for (const [form, env] of Object.entries(forms)) {
    it(`puts back exactly what was there, after deleting: ${form}`, async () => {
      const scene = await begun(env);
      const before = scene.workload.snapshot();
      await scene.step(enableDelete);
      await scene.step(makeReadOnly);
      assert.equal(scene.workload.deletionEnabled(), false, 'deletion is put back in the same patch');
      assert.equal(isReadOnly(scene), true);
      assert.equal(scene.workload.patches.length, 2);
      await scene.step(makeWritable);
      assert.deepEqual(scene.workload.snapshot(), before);
      assert.equal(scene.workload.patches.length, 3);
      assert.equal(scene.workload.isUp(), true);
      assert.equal(await scene.step(disableDelete), 'it was put back before');
    });

    it(`puts back exactly what was there, alone: ${form}`, async () => {
      const scene = await begun(env);
      const before = scene.workload.snapshot();
      await scene.step(makeReadOnly);
      await scene.step(makeWritable);
      assert.deepEqual(scene.workload.snapshot(), before);
      assert.equal(scene.workload.patches.length, 2);
    });

    for (const stop of ['before', 'after'] as const)
      it(`puts back from the lease what a run leaves that dies ${stop} the patch, and whose annotation is stripped: ${form}`, async () => {
        const scene = await begun(env);
        const before = scene.workload.snapshot();
        await scene.step(enableDelete);
        scene.workload[stop] = (call) => {
          if (call === 'patch') throw new TypeError('killed');
        };
        await assert.rejects(scene.step(makeReadOnly), /killed/);
        scene.workload.before = scene.workload.after = () => {};
        scene.workload.annotate(ANNOTATION, undefined);
        await scene.step(makeWritable);
        assert.deepEqual(scene.workload.snapshot(), before);
      });
  }

  it('leaves deletion enabled where it was not this run that has enabled it', async () => {
    const scene = await begun([{ name: VARIABLE, value: 'true' }]);
    const before = scene.workload.snapshot();
    await scene.step(makeReadOnly);
    await scene.step(makeWritable);
    assert.deepEqual(scene.workload.snapshot(), before);
  });

  it('writes the annotation again that was stripped meanwhile', async () => {
    const scene = await begun();
    await scene.step(makeReadOnly);
    scene.workload.annotate(ANNOTATION, undefined);
    await scene.step(makeReadOnly);
    assert.match(annotationOf(scene) ?? '', /"readOnly":\{"form":"absent","hadEnv":false\}/);
  });

  it('goes on with what an earlier start has made read-only', async () => {
    const scene = await begun();
    await scene.step(makeReadOnly);
    await scene.step(makeReadOnly);
    assert.equal(scene.workload.patches.length, 1);
  });

  it('makes it writable, and enables deletion, where something is left to delete after all', async () => {
    const scene = await begun();
    await scene.step(makeReadOnly);
    scene.collector.haunt({ uid: 'pod-2' });
    await scene.step(enableDelete);
    assert.equal(isReadOnly(scene), false);
    assert.equal(scene.workload.deletionEnabled(), true);
    assert.deepEqual(scene.collector.ended, ['pod-2']);
  });

  it('notices that somebody makes it writable meanwhile', async () => {
    const scene = await begun();
    scene.workload.startsWithinMs = 5000;
    let reads = 0;
    scene.workload.after = (call) => {
      if (call === 'read' && isReadOnly(scene)) reads += 1;
      if (reads === 2) scene.workload.edit(({ spec }) => delete spec.template.spec.containers[0]?.env);
    };
    await assert.rejects(scene.step(makeReadOnly), RefusedError);
  });
});

describe('what is not begun', () => {
  let scene: Scene & { marks: string[] };
  beforeEach(async () => {
    scene = await begun();
  });

  async function refused(what: RegExp): Promise<void> {
    await assert.rejects(scene.step(makeReadOnly), (error: unknown) => {
      assert.ok(error instanceof RefusedError, `${error}`);
      assert.match(error.message, what);
      return true;
    });
    assert.deepEqual(scene.workload.patches, []);
    assert.deepEqual(scene.collector.started, []);
  }

  it('while somebody is pushing', async () => {
    scene.collector.recent.open.push('domino-x/_uploads/1');
    await refused(/pushing.*1 upload .*\n {2}domino-x\/_uploads\/1/);
  });

  it('where that cannot be seen, unless it is allowed', async () => {
    scene.collector.inFiles = false;
    await refused(/cannot be seen/);
    const { context } = scene;
    scene.context = { ...context, settings: { ...context.settings, allowUnseenUploads: true } };
    await scene.step(makeReadOnly);
    assert.equal(await scene.step(collectGarbage), '2 blobs, how many bytes is not known');
  });

  it('while somebody else collects garbage', async () => {
    scene.collector.haunt({ uid: 'pod-1' });
    await refused(/at work already/);
  });

  it('where another variable outranks the one that is set', async () => {
    scene = await begun([{ name: `${READ_ONLY_VARIABLE}_ENABLED`, value: 'false' }]);
    await refused(/outranks/);
  });

  it('where each replica has a volume of its own', async () => {
    scene.workload.differing = { replicas: 2, ownVolumes: true };
    await refused(/a volume each/);
  });

  it('where the cache would outlive the restart', async () => {
    scene.collector.cache = 'redis';
    await refused(/cache in redis/);
  });

  it('where there is no shell', async () => {
    scene.collector.before = () => {
      throw new RefusedError('There is no shell');
    };
    await refused(/no shell/);
  });

  it('with too little time left for two restarts', async () => {
    let asked = 0;
    const window = {
      requireRoom(restarts: number) {
        asked = restarts;
        throw new RefusedError('too short');
      },
    };
    scene.context = { ...scene.context, window: window as never };
    await refused(/too short/);
    assert.equal(asked, 2);
  });

  it('after the lease is lost', async () => {
    loseLease(scene);
    await assert.rejects(scene.step(makeReadOnly), LeaseLostError);
    assert.deepEqual(scene.workload.patches, []);
  });
});

describe('collecting garbage', () => {
  let scene: Scene & { marks: string[] };
  beforeEach(async () => {
    scene = await begun();
    await scene.step(makeReadOnly);
  });

  it('tells what was freed, and notes before it begins that nothing can be taken back', async () => {
    assert.equal(await scene.step(collectGarbage), '2 blobs, 5.9 KiB as measured on the volume');
    assert.deepEqual([...scene.collector.stored.keys()], [digest('a')]);
    assert.deepEqual(scene.marks, ['begun']);
    assert.deepEqual(scene.collector.started, [{ dryRun: false, uid: 'pod-2' }]);
  });

  it('computes what was freed where others write to the volume', async () => {
    scene.collector.onLine = () => {
      scene.collector.usedByOthers += 100_000;
    };
    assert.equal(await scene.step(collectGarbage), "2 blobs, 5.9 KiB by the blobs' sizes");
  });

  it('does not begin on a registry that is writable', async () => {
    await scene.step(makeWritable);
    await assert.rejects(scene.step(collectGarbage), /is not read-only/);
    assert.deepEqual([scene.marks, scene.collector.started], [[], []]);
  });

  it('stops for an upload that has come in the last moment', async () => {
    scene.collector.recent.open.push('x/_uploads/1');
    await assert.rejects(scene.step(collectGarbage), /pushing/);
    assert.deepEqual([scene.marks, scene.collector.started], [[], []]);
  });

  it('stops for blobs that came a moment ago and that nothing needs yet', async () => {
    scene.collector.recent.blobs.add(digest('c'));
    await assert.rejects(scene.step(collectGarbage), /1 blob came .* a push may be under way/);
    assert.equal(scene.collector.stored.size, 3);
    assert.deepEqual(scene.marks, []);
  });

  it('does not stop for what was pushed a moment ago and is needed', async () => {
    scene.collector.recent.blobs.add(digest('a'));
    await scene.step(collectGarbage);
    assert.deepEqual(
      scene.collector.started.map(({ dryRun }) => dryRun),
      [true, false],
    );
  });

  it('first ends the collector of a start that was killed', async () => {
    scene.collector.haunt({ uid: 'pod-2' });
    await scene.step(collectGarbage);
    assert.deepEqual(scene.collector.ended, ['pod-2']);
  });

  it('does not start once the lease is lost', async () => {
    loseLease(scene);
    await assert.rejects(scene.step(collectGarbage), LeaseLostError);
    assert.deepEqual(scene.collector.started, []);
  });

  for (const line of [0, 2, 4])
    it(`goes on after its connection broke, when that collector has ended, in line ${line}`, async () => {
      scene.collector.breaksAfter = line;
      assert.match((await scene.step(collectGarbage)) ?? '', /^2 blobs, 5.9 KiB/);
      assert.equal(scene.collector.started.length, 2);
      assert.deepEqual([...scene.collector.living], []);
    });

  describe('with a collector that lives on when its connection has broken', () => {
    beforeEach(() => {
      scene.collector.breaksAfter = 2;
      scene.collector.before = (call) => {
        if (call === 'start') assert.deepEqual([...scene.collector.living], []);
      };
    });

    it('waits for one that ends by itself in time', async () => {
      scene.collector.lingers = 60;
      assert.match((await scene.step(collectGarbage)) ?? '', /^2 blobs, 5.9 KiB/);
      assert.deepEqual([scene.collector.started.length, scene.collector.ended], [2, []]);
    });

    it('ends one that is stuck, since nobody takes what it prints, and collects again', async () => {
      scene.collector.lingers = Number.POSITIVE_INFINITY;
      const startedAt = scene.clock.now();
      assert.match((await scene.step(collectGarbage)) ?? '', /^2 blobs, 5.9 KiB/);
      assert.deepEqual([scene.collector.started.length, scene.collector.ended], [2, ['pod-2']]);
      const waitedMs = scene.clock.now() - startedAt;
      assert.ok(waitedMs >= 120_000 && waitedMs < 130_000, `${waitedMs}`);
      await scene.step(makeWritable);
      assert.equal(isReadOnly(scene), false);
    });

    it('gives up after some that were stuck, and none lives when the registry becomes writable', async () => {
      scene.collector.lingers = Number.POSITIVE_INFINITY;
      scene.collector.onLine = () => {
        scene.collector.breaksAfter = 2;
      };
      await assert.rejects(scene.step(collectGarbage), /the connection broke/);
      assert.deepEqual([scene.collector.started.length, scene.collector.ended.length], [5, 4]);
      await scene.step(makeWritable);
      assert.equal(scene.collector.ended.length, 5);
      assert.equal(isReadOnly(scene), false);
    });
  });

  it('counts what it told of before its connection broke, where the storage does not tell', async () => {
    scene.collector.inFiles = false;
    const { context } = scene;
    scene.context = { ...context, settings: { ...context.settings, allowUnseenUploads: true } };
    scene.collector.breaksAfter = 5;
    scene.collector.garbage.add(digest('a'));
    assert.equal(await scene.step(collectGarbage), '2 blobs, how many bytes is not known');
  });

  it('goes on in another pod where one is lost', async () => {
    let lost = false;
    scene.collector.onLine = () => {
      if (lost) return;
      lost = true;
      scene.collector.living.clear();
      void scene.workload.deletePod({ uid: 'pod-2' } as never, scene.context.signal);
      throw new RegistryError('the pod has gone', { failure: 'temporary' });
    };
    await scene.step(collectGarbage);
    assert.deepEqual(
      scene.collector.started.map(({ uid }) => uid),
      ['pod-2', 'pod-3'],
    );
  });

  it('tells how it failed', async () => {
    scene.collector.exitStatus = 137;
    await assert.rejects(scene.step(collectGarbage), (error: unknown) => {
      assert.ok(error instanceof UnreachableError);
      assert.match(`${error.message} ${error.next}`, /ended with 137: its last words .*memory/);
      return true;
    });
  });

  it('by itself only looks, and takes nothing', async () => {
    const found = await foresee(scene.context, scene.person.progress);
    assert.deepEqual(found, { blobs: 2, bytes: 6000, how: 'computed' });
    assert.equal(scene.collector.stored.size, 3);
    assert.deepEqual(scene.collector.started, [{ dryRun: true, uid: 'pod-2' }]);
  });
});

describe('a registry that somebody else has made read-only', () => {
  it('is restarted for its cache, and left as it is', async () => {
    const scene = await begun([READ_ONLY]);
    const before = scene.workload.snapshot();
    assert.match((await scene.step(makeReadOnly)) ?? '', /read-only before/);
    await collect(scene.context, scene.person.progress);
    await scene.step(makeWritable);
    assert.deepEqual(scene.workload.snapshot(), before);
    assert.deepEqual(scene.workload.patches, []);
    assert.deepEqual(scene.workload.deletedPods, ['pod-1']);
  });
});

describe('making writable', () => {
  let scene: Scene & { marks: string[] };
  beforeEach(async () => {
    scene = await begun();
    await scene.step(makeReadOnly);
    scene.collector.haunt({ uid: 'pod-2' });
  });

  it('ends a collector that lives before anything is changed', async () => {
    await scene.step(makeWritable);
    assert.deepEqual(scene.collector.ended, ['pod-2']);
    assert.equal(isReadOnly(scene), false);
  });

  it('is tried again when the pod cannot be asked just now', async () => {
    let failures = 3;
    scene.collector.before = () => {
      failures -= 1;
      if (failures > 0) throw new RegistryError('no answer', { failure: 'temporary' });
    };
    await scene.step(makeWritable);
    assert.deepEqual(scene.collector.ended, ['pod-2']);
    assert.deepEqual(scene.workload.deletedPods, []);
  });

  for (const failure of ['forbidden', 'other', 'temporary'] as const)
    it(`replaces a pod that cannot be looked into: ${failure}`, async () => {
      scene.collector.before = () => {
        throw new RegistryError('no', { failure });
      };
      const { deletePod } = scene.workload;
      scene.workload.deletePod = async (pod, signal) => {
        assert.equal(isReadOnly(scene), true);
        scene.collector.living.clear();
        await deletePod.call(scene.workload, pod, signal);
        // The one in its place has no collector, and is found to have none.
        scene.collector.before = () => {};
      };
      await scene.step(makeWritable);
      assert.deepEqual(scene.workload.deletedPods, ['pod-2']);
      assert.equal(isReadOnly(scene), false);
    });

  it('is not done where it cannot be proved that none lives', async () => {
    scene.collector.before = () => {
      throw new RegistryError('no', { failure: 'forbidden' });
    };
    scene.workload.deletePod = async () => {
      throw new UnreachableError('forbidden', { forbidden: true });
    };
    await assert.rejects(scene.step(makeWritable), (error: unknown) => {
      assert.ok(error instanceof RestoreError);
      assert.match(error.next, /kubectl .*REGISTRY_STORAGE_MAINTENANCE_READONLY/);
      return true;
    });
    assert.equal(isReadOnly(scene), true);
    assert.notEqual(annotationOf(scene), undefined);
  });

  it('does not wait for a pod that cannot be looked into, and whose successors cannot either', async () => {
    scene.collector.living.clear();
    const { canStart } = scene.workload;
    scene.collector.before = () => {
      throw new RegistryError('the container does not run', { failure: 'temporary' });
    };
    scene.workload.canStart = (env) =>
      !JSON.stringify(env ?? []).includes(READ_ONLY_VARIABLE) && canStart(env);
    await scene.step(makeWritable);
    assert.equal(isReadOnly(scene), false);
    assert.equal(scene.workload.isUp(), true);
  });

  it('looks into every replica', async () => {
    const { pods } = scene.workload;
    let first = true;
    scene.workload.pods = async (signal) => {
      const [pod] = await pods.call(scene.workload, signal);
      assert.ok(pod);
      const both = first ? [pod, { ...pod, name: 'docker-registry-1', uid: 'replica', ready: false }] : [pod];
      first = false;
      return both;
    };
    scene.collector.haunt({ uid: 'replica' });
    await scene.step(makeWritable);
    assert.deepEqual(scene.collector.ended, ['pod-2', 'replica']);
  });

  it('does not look for collectors where the registry was not made read-only', async () => {
    const other = await begun();
    other.collector.before = () => assert.fail('nobody asked for that');
    await other.step(enableDelete);
    await other.step(disableDelete);
  });
});
