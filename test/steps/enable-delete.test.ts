import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { InterruptedError, RefusedError, UnreachableError } from '../../src/domain/errors.ts';
import { ANNOTATION, VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry, Workload } from '../../src/domain/workload.ts';
import { enableDelete } from '../../src/steps/enable-delete.ts';
import { A, entry } from '../domain/builders.ts';
import { RUN, Scene } from './scene.ts';

async function begun(env?: readonly EnvEntry[]): Promise<Scene> {
  return new Scene(env).begin({ environments: [entry(A, 9)] });
}

describe('enabling deletion', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await begun();
  });

  it('returns when the registry that answers lets manifests be deleted', async () => {
    await scene.step(enableDelete);
    assert.equal(scene.workload.deletionEnabled(), true);
    assert.equal(scene.workload.patches.length, 1);
    assert.equal(scene.registry.calls.at(-1)?.operation, 'check');
  });

  it('notes that the run has begun to delete before anything is changed', async () => {
    scene.workload.before = (call) => {
      if (call === 'patch') assert.equal(scene.run.record.stage, 'deleting');
    };
    await scene.step(enableDelete);
    assert.equal(scene.workload.patches.length, 1);
  });

  it('changes nothing when deletion is enabled already', async () => {
    scene = await begun([{ name: VARIABLE, value: 'true' }]);
    const before = scene.workload.snapshot();
    assert.match((await scene.step(enableDelete)) ?? '', /enabled before/);
    assert.deepEqual(scene.workload.snapshot(), before);
    assert.deepEqual(scene.workload.patches, []);
  });

  it('changes nothing when the registry’s own configuration has it enabled', async () => {
    scene.registry.canProbe = true;
    scene.registry.deletionEnabled = () => true;
    assert.match((await scene.step(enableDelete)) ?? '', /own configuration/);
    assert.deepEqual(scene.workload.patches, []);
  });

  it('does not take a pod for that which is about to be replaced', async () => {
    scene.registry.canProbe = true;
    const { workload, registry } = scene;
    const [pods, deletionEnabled] = [workload.pods.bind(workload), registry.deletionEnabled];
    // Another program has put the setting back; the old pod answers for a while.
    let old = 3;
    registry.deletionEnabled = () => old > 0 || deletionEnabled();
    workload.pods = async (signal) => {
      old -= 1;
      return (await pods(signal)).map((pod) => ({
        ...pod,
        containers: pod.containers.map((container) =>
          old > 0 ? { ...container, env: [{ name: VARIABLE, value: 'true' }] } : container,
        ),
      }));
    };
    await scene.step(enableDelete);
    assert.equal(workload.deletionEnabled(), true);
    assert.equal(workload.patches.length, 1);
  });

  it('returns only when the registry itself says that it deletes', async () => {
    scene.registry.canProbe = true;
    const { deletionEnabled } = scene.registry;
    let late = 3;
    scene.registry.deletionEnabled = () => {
      if (!deletionEnabled()) return false;
      late -= 1;
      return late < 0;
    };
    await scene.step(enableDelete);
    assert.equal(late, -1);
  });

  it('stops at a registry that refuses all the same', async () => {
    scene.registry.canProbe = true;
    scene.registry.deletionEnabled = () => false;
    await assert.rejects(scene.step(enableDelete), (error) => {
      assert.ok(error instanceof UnreachableError);
      assert.match(error.next, /READONLY/);
      return true;
    });
  });

  it('goes on where this run has enabled it before', async () => {
    await scene.step(enableDelete);
    await scene.step(enableDelete);
    assert.equal(scene.workload.patches.length, 1);
  });

  it('waits on for a rollout that an earlier start has begun', async () => {
    scene.workload.startsWithinMs = 60_000;
    scene.workload.after = (call) => {
      if (call === 'patch') scene.interrupt(new InterruptedError('SIGTERM'));
    };
    await assert.rejects(scene.step(enableDelete), InterruptedError);
    scene.workload.after = () => {};
    scene.context = { ...scene.context, signal: scene.context.uninterrupted };
    await scene.step(enableDelete);
    assert.equal(scene.workload.deletionEnabled(), true);
    assert.equal(scene.workload.patches.length, 1);
  });

  it('refuses a workload that another run has in use', async () => {
    const other = await begun();
    await other.step(enableDelete);
    const record = (other.workload.snapshot() as { annotations: Record<string, string> }).annotations;
    scene.workload.annotate(
      ANNOTATION,
      (record[ANNOTATION] ?? '').replace(RUN, '20260101T000000Z-ffffff').replace('ann@', 'bob@'),
    );
    await assert.rejects(scene.step(enableDelete), (error: unknown) => {
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, /20260101T000000Z-ffffff of bob@laptop/);
      assert.match(error.next, /recover/);
      return true;
    });
    assert.deepEqual(scene.workload.patches, []);
  });

  for (const [why, differing] of Object.entries({
    OnDelete: { updateStrategy: 'OnDelete' },
    partition: { partition: 1 },
    paused: { kind: 'Deployment', paused: true },
    '0 replicas': { replicas: 0 },
  } satisfies Record<string, Partial<Workload>>))
    it(`refuses a workload that would not roll out: ${why}`, async () => {
      scene.workload.differing = differing;
      await assert.rejects(scene.step(enableDelete), RefusedError);
      assert.deepEqual(scene.workload.patches, []);
    });

  it('tries again when somebody else has changed the object in the same moment', async () => {
    let edits = 0;
    scene.workload.before = (call) => {
      if (call !== 'patch' || edits === 3) return;
      edits += 1;
      scene.workload.annotate('somebody', String(edits));
    };
    await scene.step(enableDelete);
    assert.equal(scene.workload.patches.length, 4);
    assert.equal(scene.workload.deletionEnabled(), true);
  });

  it('gives up a fight', async () => {
    scene.workload.before = (call) => {
      if (call === 'patch') scene.workload.annotate('somebody', String(scene.workload.patches.length));
    };
    await assert.rejects(scene.step(enableDelete), UnreachableError);
    assert.ok(scene.workload.patches.length < 20);
  });

  it('says what it waits for when the rollout never ends', async () => {
    scene.workload.canStart = (env) => env === undefined;
    const startedMs = scene.clock.now();
    await assert.rejects(scene.step(enableDelete), (error: unknown) => {
      assert.ok(error instanceof UnreachableError);
      assert.match(error.message, /pod docker-registry-0 \(CrashLoopBackOff: back-off restarting/);
      return true;
    });
    const waitedMs = scene.clock.now() - startedMs;
    assert.ok(waitedMs >= 10 * 60_000 && waitedMs < 11 * 60_000, `${waitedMs} ms`);
    assert.deepEqual(scene.workload.deletedPods, [], 'a pod is replaced in restoring only');
  });

  it('sits short failures of the API server out while it waits', async () => {
    let failures = 0;
    scene.workload.before = (call) => {
      if (call === 'pods' && failures < 5) {
        failures += 1;
        throw new UnreachableError('the API server answered 500');
      }
    };
    await scene.step(enableDelete);
    assert.equal(scene.workload.deletionEnabled(), true);
  });

  it('does not wait for minutes for what it may not see', async () => {
    scene.workload.before = (call) => {
      if (call === 'pods') throw new UnreachableError('pods is forbidden', { forbidden: true });
    };
    const startedMs = scene.clock.now();
    await assert.rejects(scene.step(enableDelete), /forbidden/);
    assert.ok(scene.clock.now() - startedMs < 100_000);
  });

  it('stops when a controller writes the variable back', async () => {
    scene.workload.after = (call) => {
      if (call === 'patch') scene.workload.setVariable('false');
    };
    await assert.rejects(scene.step(enableDelete), (error: unknown) => {
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, /controller/);
      return true;
    });
  });

  it('does not abandon the change itself when it is interrupted', async () => {
    scene.workload.before = (call) => {
      if (call === 'patch') scene.interrupt(new InterruptedError('SIGINT'));
    };
    await assert.rejects(scene.step(enableDelete), InterruptedError);
    assert.equal(scene.workload.patches.length, 1);
  });
});
