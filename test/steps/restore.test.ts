import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { RegistryError, RestoreError, UnreachableError } from '../../src/domain/errors.ts';
import { ANNOTATION, VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry } from '../../src/domain/workload.ts';
import { disableDelete } from '../../src/steps/disable-delete.ts';
import { enableDelete } from '../../src/steps/enable-delete.ts';
import { A, entry } from '../domain/builders.ts';
import { RUN, Scene } from './scene.ts';

const LEVEL: EnvEntry = { name: 'REGISTRY_LOG_LEVEL', value: 'info' };

async function begun(env?: readonly EnvEntry[]): Promise<Scene> {
  const scene = await new Scene(env).begin({ environments: [entry(A, 9)] });
  await scene.context.pod?.ensure(scene.context.signal);
  return scene;
}

async function enabled(env?: readonly EnvEntry[]): Promise<Scene> {
  const scene = await begun(env);
  await scene.step(enableDelete);
  return scene;
}

function annotationOf(scene: Scene): string | undefined {
  return (scene.workload.snapshot() as { annotations: Record<string, string> }).annotations[ANNOTATION];
}

const forms: Record<string, readonly EnvEntry[] | undefined> = {
  'no env at all': undefined,
  'an empty env': [],
  'no such entry': [LEVEL],
  'a literal': [LEVEL, { name: VARIABLE, value: 'false' }],
  'a literal that is empty': [{ name: VARIABLE, value: '' }, LEVEL],
  'an entry without a value': [LEVEL, { name: VARIABLE }],
  'a reference': [
    { name: VARIABLE, valueFrom: { configMapKeyRef: { name: 'registry', key: 'delete' } } },
    LEVEL,
  ],
};

describe('disabling deletion', () => {
  for (const [form, env] of Object.entries(forms))
    it(`puts back exactly what was there: ${form}`, async () => {
      const scene = await begun(env);
      const before = scene.workload.snapshot();
      await scene.step(enableDelete);
      assert.notDeepEqual(scene.workload.snapshot(), before);
      await scene.step(disableDelete);
      assert.deepEqual(scene.workload.snapshot(), before);
      assert.equal(scene.workload.deletionEnabled(), false);
      assert.equal(scene.workload.isUp(), true);
    });

  it('leaves what was enabled before', async () => {
    const scene = await begun([{ name: VARIABLE, value: 'true' }]);
    const before = scene.workload.snapshot();
    await scene.step(enableDelete);
    assert.equal(await scene.step(disableDelete), 'nothing was changed');
    assert.deepEqual(scene.workload.snapshot(), before);
    assert.deepEqual(scene.workload.patches, []);
  });

  it('does not touch what another run has changed', async () => {
    const scene = await enabled();
    scene.workload.annotate(ANNOTATION, (annotationOf(scene) ?? '').replace(RUN, '20260101T000000Z-ffffff'));
    const before = scene.workload.snapshot();
    await scene.step(disableDelete);
    assert.deepEqual(scene.workload.snapshot(), before);
  });

  it('does not wait for the rollout of another run', async () => {
    const scene = await enabled();
    scene.workload.annotate(ANNOTATION, (annotationOf(scene) ?? '').replace(RUN, '20260101T000000Z-ffffff'));
    scene.workload.canStart = () => false;
    const startedMs = scene.clock.now();
    await scene.step(disableDelete);
    assert.ok(scene.clock.now() - startedMs < 10_000);
    assert.deepEqual(scene.workload.deletedPods, []);
  });

  it('waits for the rollout that a killed start of this run has begun', async () => {
    const scene = await enabled();
    scene.workload.startsWithinMs = 60_000;
    const killed = new Error('killed');
    scene.workload.after = (call) => {
      if (call === 'patch') throw killed;
    };
    await assert.rejects(scene.step(disableDelete));
    scene.workload.after = () => {};
    await scene.step(disableDelete);
    assert.equal(scene.workload.isUp(), true);
    assert.equal(scene.workload.deletionEnabled(), false);
  });

  it('leaves alone what somebody has set meanwhile, and takes its annotation away', async () => {
    const scene = await enabled();
    scene.workload.setVariable('false');
    const { spec } = scene.workload.snapshot() as { spec: unknown };
    assert.match((await scene.step(disableDelete)) ?? '', /somebody has changed the setting/);
    assert.deepEqual(scene.workload.snapshot(), { annotations: {}, spec });
  });

  it('first makes sure that nothing is under way over there', async () => {
    const scene = await enabled();
    scene.workload.before = (call) => {
      if (call === 'patch') assert.equal(scene.registry.calls.at(-1)?.operation, 'quiesce');
    };
    await scene.step(disableDelete);
    assert.equal(scene.workload.patches.length, 2);
  });

  for (const failure of [
    new RegistryError('the pod is gone', { failure: 'temporary' }),
    new TypeError('a defect'),
  ])
    it(`puts the setting back although that fails: ${failure.name}`, async () => {
      const scene = await enabled();
      scene.registry.before = ({ operation }) => {
        if (operation === 'quiesce') throw failure;
      };
      await scene.step(disableDelete);
      assert.equal(scene.workload.deletionEnabled(), false);
      assert.match(scene.person.warnings.join('\n'), new RegExp(failure.message));
    });

  it('only warns when the registry does not answer afterwards', async () => {
    const scene = await enabled();
    scene.registry.before = ({ operation }) => {
      if (operation === 'check') throw new RegistryError('no answer', { failure: 'temporary' });
    };
    await scene.step(disableDelete);
    assert.match(scene.person.warnings.join('\n'), /as before, but this could not be seen/);
  });
});

describe('disabling deletion without the pod', () => {
  it('makes none anew: nothing can be under way in one that is gone', async () => {
    const scene = await enabled();
    scene.pod.owner = undefined;
    scene.pod.before = (call) => assert.notEqual(call, 'ensure');
    scene.registry.calls.length = 0;
    assert.match((await scene.step(disableDelete)) ?? '', /without the pod/);
    assert.equal(scene.workload.deletionEnabled(), false);
    assert.deepEqual(scene.registry.calls, []);
  });

  it('does not fail because the pod cannot be looked at', async () => {
    const scene = await enabled();
    scene.pod.before = () => {
      throw new UnreachableError('the API server answered 500');
    };
    await scene.step(disableDelete);
    assert.equal(scene.workload.deletionEnabled(), false);
  });
});

describe('a registry that can be asked whether it deletes', () => {
  it('is waited for until it does not any more', async () => {
    const scene = await enabled();
    scene.registry.canProbe = true;
    let probes = 0;
    scene.registry.deletionEnabled = () => {
      probes += 1;
      return probes < 4;
    };
    await scene.step(disableDelete);
    assert.equal(probes, 4);
    assert.deepEqual(scene.person.warnings, []);
  });

  it('and still does after a while, is told of', async () => {
    const scene = await enabled();
    scene.registry.canProbe = true;
    scene.registry.deletionEnabled = () => true;
    await scene.step(disableDelete);
    assert.match(scene.person.warnings.join('\n'), /still lets manifests be deleted/);
  });
});

describe('an API server that fails meanwhile', () => {
  let scene: Scene;
  let before: unknown;
  beforeEach(async () => {
    scene = await begun([LEVEL]);
    before = scene.workload.snapshot();
    await scene.step(enableDelete);
  });

  for (const failing of ['read', 'patch', 'pods'] as const)
    it(`is asked again: ${failing}`, async () => {
      let failures = 0;
      scene.workload.before = (call) => {
        if (call === failing && failures < 5) {
          failures += 1;
          throw new UnreachableError('the API server answered 500');
        }
      };
      await scene.step(disableDelete);
      assert.deepEqual(scene.workload.snapshot(), before);
      assert.equal(scene.workload.isUp(), true);
    });

  it('may have done what its lost answer would have told: the rollout is awaited all the same', async () => {
    scene.workload.startsWithinMs = 60_000;
    let lost = false;
    scene.workload.after = (call) => {
      if (call !== 'patch' || lost) return;
      lost = true;
      throw new UnreachableError('the connection was cut');
    };
    assert.equal(await scene.step(disableDelete), undefined);
    assert.deepEqual(scene.workload.snapshot(), before);
    assert.equal(scene.workload.isUp(), true);
    assert.equal(scene.workload.deletionEnabled(), false);
  });

  it('is asked again when somebody else writes at the same moment', async () => {
    let edits = 0;
    scene.workload.before = (call) => {
      if (call !== 'patch' || edits === 5) return;
      edits += 1;
      scene.workload.annotate('somebody', String(edits));
    };
    await scene.step(disableDelete);
    assert.equal(annotationOf(scene), undefined);
    assert.equal(scene.workload.deletionEnabled(), false);
  });

  it('that does not come back in time leaves the person with the command', async () => {
    scene.workload.before = (call) => {
      if (call === 'patch') throw new UnreachableError('the API server answered 500');
    };
    const startedMs = scene.clock.now();
    await assert.rejects(scene.step(disableDelete), (error: unknown) => {
      assert.ok(error instanceof RestoreError);
      assert.match(error.next, /npm run clean -- recover\n/);
      assert.match(
        error.next,
        /kubectl .*--context 'prod'.* patch statefulset\/docker-registry --type=json -p '/,
      );
      return true;
    });
    const waitedMs = scene.clock.now() - startedMs;
    assert.ok(waitedMs > 5 * 60_000 && waitedMs < 6 * 60_000, `${waitedMs} ms`);
  });

  it('that cannot even be read from leaves the person with the command, since this run knows what it changed', async () => {
    scene.workload.before = () => {
      throw new UnreachableError('connection refused');
    };
    await assert.rejects(scene.step(disableDelete), (error: unknown) => {
      assert.ok(error instanceof RestoreError);
      assert.match(error.next, /npm run clean -- recover\n/);
      assert.match(error.next, /kubectl .* patch statefulset\/docker-registry --type=json -p '/);
      return true;
    });
  });

  it('that forbids it is not asked for minutes', async () => {
    scene.workload.before = (call) => {
      if (call === 'patch') throw new UnreachableError('forbidden', { forbidden: true });
    };
    const startedMs = scene.clock.now();
    await assert.rejects(scene.step(disableDelete), RestoreError);
    assert.ok(scene.clock.now() - startedMs < 100_000);
  });

  it('that forbids everything since it has just started is asked again', async () => {
    const startedMs = scene.clock.now();
    scene.workload.before = () => {
      if (scene.clock.now() - startedMs < 45_000)
        throw new UnreachableError('forbidden', { forbidden: true });
    };
    await scene.step(disableDelete);
    assert.equal(scene.workload.deletionEnabled(), false);
  });

  it('that forbids to look, since it has just started, is asked again whether the rollout is over', async () => {
    let refusals = 0;
    scene.workload.before = (call) => {
      if (call !== 'pods' || refusals >= 50) return;
      refusals += 1;
      throw new UnreachableError('forbidden', { forbidden: true });
    };
    await scene.step(disableDelete);
    assert.equal(refusals, 50);
    assert.equal(scene.workload.deletionEnabled(), false);
  });
});

describe('what cannot be put back', () => {
  it('is told as such when the annotation cannot be understood any more', async () => {
    const scene = await enabled();
    scene.workload.annotate(ANNOTATION, 'gone to lunch');
    await assert.rejects(scene.step(disableDelete), (error: unknown) => {
      assert.ok(error instanceof RestoreError, String(error));
      assert.match(`${error.message} ${error.next}`, new RegExp(VARIABLE));
      return true;
    });
  });

  it('is told as such when the container has been renamed', async () => {
    const scene = await enabled();
    scene.workload.edit(({ spec }) => {
      const [registry] = spec.template.spec.containers;
      if (registry) registry.name = 'distribution';
    });
    await assert.rejects(scene.step(disableDelete), RestoreError);
  });
});

describe('a rollout that hangs', () => {
  it('is waited for in restoring even with a short limit for enabling', async () => {
    const scene = await enabled();
    scene.context = { ...scene.context, settings: { ...scene.context.settings, rolloutTimeoutMs: 1000 } };
    scene.workload.startsWithinMs = 20_000;
    await scene.step(disableDelete);
    assert.equal(scene.workload.isUp(), true);
  });

  it('on a pod that never became ready is helped along, after a while', async () => {
    const scene = await begun();
    const before = scene.workload.snapshot();
    scene.workload.canStart = (env) => env === undefined;
    await assert.rejects(scene.step(enableDelete), UnreachableError);
    const startedMs = scene.clock.now();
    await scene.step(disableDelete);
    assert.equal(scene.workload.deletedPods.length, 1);
    assert.ok(scene.clock.now() - startedMs >= 10_000, 'a pod that only starts slowly is given time');
    assert.deepEqual(scene.workload.snapshot(), before);
    assert.equal(scene.workload.isUp(), true);
  });

  it('for another reason is told, with the setting as before', async () => {
    const scene = await enabled();
    scene.workload.canStart = (env) => env !== undefined;
    await assert.rejects(scene.step(disableDelete), (error: unknown) => {
      assert.ok(error instanceof RestoreError);
      assert.match(error.message, /as before, but its rollout is not over/);
      return true;
    });
    assert.equal(annotationOf(scene), undefined);
  });
});
