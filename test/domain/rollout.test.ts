import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RefusedError } from '../../src/domain/errors.ts';
import { refuseUnrollable, rolloutState } from '../../src/domain/rollout.ts';
import { VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry, Workload, WorkloadPod } from '../../src/domain/workload.ts';
import { container, pod, status, workload } from './workloads.ts';

const enabled: EnvEntry = { name: VARIABLE, value: 'true' };
const NEW = [container({ env: [enabled] })];
const OLD = [container()];

/** Deletion has just been enabled, and everything says that the rollout is over. */
function enabling(differing: Partial<Workload> = {}): Workload {
  return workload({ containers: NEW, ...differing });
}

function fresh(differing: Partial<WorkloadPod> = {}): WorkloadPod {
  return pod({ name: 'new', uid: 'p-2', containers: NEW, ...differing });
}

function old(differing: Partial<WorkloadPod> = {}): WorkloadPod {
  return pod({ name: 'old', revision: 'r1', containers: OLD, ...differing });
}

interface Case {
  readonly given: Workload;
  readonly pods: readonly WorkloadPod[];
  /** Words of what it waits for; without them, it is over. */
  readonly waitingFor?: RegExp;
  /** Name of the pod that must be deleted. */
  readonly stuck?: string;
}

function check(cases: Readonly<Record<string, Case>>): void {
  for (const [name, { given, pods, waitingFor, stuck }] of Object.entries(cases))
    it(name, () => {
      const state = rolloutState(given, pods, 'registry');
      if (state.over) return assert.equal(waitingFor, undefined, 'it is not over');
      assert.ok(waitingFor, `it is over, but waits for ${state.waitingFor}`);
      assert.match(state.waitingFor, waitingFor);
      assert.equal(state.stuck?.name, stuck);
    });
}

describe('the rollout of a StatefulSet', () => {
  check({
    'is over when nothing but the new pod is left, and it is ready': { given: enabling(), pods: [fresh()] },
    'is over with several replicas': {
      given: enabling({ replicas: 2, status: status({ replicas: 2, updatedReplicas: 2, readyReplicas: 2 }) }),
      pods: [fresh(), fresh({ name: 'new-1' })],
    },
    'waits for the controller to see the change, however good the counters look': {
      given: enabling({ generation: 3 }),
      pods: [fresh()],
      waitingFor: /controller/,
    },
    'does not take the old pod, still ready, for the new one': {
      given: enabling({ generation: 3 }),
      pods: [old()],
      waitingFor: /controller/,
    },
    'does not take it either when the controller has seen the change': {
      given: enabling({ status: status({ updatedReplicas: 0, currentRevision: 'r1' }) }),
      pods: [old()],
      waitingFor: /old pod old/,
    },
    'does not believe counters that are ahead of the pods': {
      given: enabling(),
      pods: [old()],
      waitingFor: /old pod old/,
    },
    'waits until the old pod has ended': {
      given: enabling({ status: status({ updatedReplicas: 0, readyReplicas: 0, replicas: 1 }) }),
      pods: [old({ ready: false, terminating: true })],
      waitingFor: /old pod old/,
    },
    'waits while there is no pod': {
      given: enabling({ status: status({ replicas: 0, updatedReplicas: 0, readyReplicas: 0 }) }),
      pods: [],
      waitingFor: /1 ready replica/,
    },
    'does not believe counters when there is no pod': {
      given: enabling(),
      pods: [],
      waitingFor: /1 ready replica/,
    },
    'waits until the new pod is ready, and says why it is not': {
      given: enabling({ status: status({ readyReplicas: 0 }) }),
      pods: [fresh({ ready: false, trouble: 'ImagePullBackOff: no such image' })],
      waitingFor: /pod new \(ImagePullBackOff: no such image\)/,
    },
    'waits until the status knows that the new pod is ready': {
      given: enabling({ status: status({ readyReplicas: 0 }) }),
      pods: [fresh()],
      waitingFor: /1 ready replica/,
    },
    'waits until the status has counted the new pod': {
      given: enabling({ status: status({ updatedReplicas: 0 }) }),
      pods: [fresh()],
      waitingFor: /1 ready replica/,
    },
    'waits until the status no longer counts another pod': {
      given: enabling({ status: status({ replicas: 2 }) }),
      pods: [fresh()],
      waitingFor: /1 ready replica/,
    },
    'waits until the new revision is the current one': {
      given: enabling({ status: status({ currentRevision: 'r1' }) }),
      pods: [fresh()],
      waitingFor: /1 ready replica/,
    },
    'waits for a new pod that ends': {
      given: enabling(),
      pods: [fresh({ terminating: true })],
      waitingFor: /pod new to end/,
    },
    'waits for the last of several': {
      given: enabling({ replicas: 2, status: status({ replicas: 2, updatedReplicas: 1, readyReplicas: 2 }) }),
      pods: [old({ name: 'old-0' }), fresh()],
      waitingFor: /old pod old-0/,
    },
    'names a pod of an older template that never became ready as stuck': {
      given: enabling({ status: status({ updatedReplicas: 0, readyReplicas: 0 }) }),
      pods: [old({ ready: false, trouble: 'CrashLoopBackOff' })],
      waitingFor: /pod old to be replaced/,
      stuck: 'old',
    },
    'names it also before the controller has counted': {
      given: enabling({ generation: 3, status: status({ readyReplicas: 0 }) }),
      pods: [old({ ready: false })],
      waitingFor: /controller/,
      stuck: 'old',
    },
    'does not call it stuck while it ends': {
      given: enabling({ status: status({ updatedReplicas: 0, readyReplicas: 0 }) }),
      pods: [old({ ready: false, terminating: true })],
      waitingFor: /old pod old to go/,
    },
    'does not call a pod of the present template stuck': {
      given: enabling({ status: status({ readyReplicas: 0 }) }),
      pods: [fresh({ ready: false })],
      waitingFor: /pod new/,
    },
  });

  it('is over, or not, by the registry’s container alone', () => {
    const sidecar = container({ name: 'sidecar', env: [enabled] });
    const given = workload({ containers: [sidecar, container()] });
    assert.equal(rolloutState(given, [pod({ containers: [container(), sidecar] })], 'registry').over, true);
    assert.equal(rolloutState(given, [pod({ containers: [...NEW, sidecar] })], 'registry').over, false);
    assert.equal(rolloutState(given, [pod({ containers: [sidecar] })], 'registry').over, true);
  });
});

describe('the rollout back', () => {
  const reference = (keys: object): EnvEntry => ({ name: VARIABLE, valueFrom: { configMapKeyRef: keys } });
  const forms: Record<string, readonly EnvEntry[] | undefined> = {
    'no env': undefined,
    'an env without the variable': [{ name: 'OTHER', value: 'true' }],
    'a literal': [{ name: VARIABLE, value: 'false' }],
    'no value': [{ name: VARIABLE }],
    'a reference': [reference({ name: 'registry', key: 'delete' })],
  };
  for (const [name, env] of Object.entries(forms))
    it(`waits until no pod has deletion enabled: ${name}`, () => {
      const given = workload({ containers: [container({ env })] });
      assert.equal(rolloutState(given, [fresh()], 'registry').over, false);
      assert.equal(rolloutState(given, [pod({ containers: [container({ env })] })], 'registry').over, true);
    });

  it('does not mind in which order a reference is written', () => {
    const given = workload({ containers: [container({ env: [reference({ name: 'a', key: 'b' })] })] });
    const pods = (key: string) => [
      pod({ containers: [container({ env: [reference({ key, name: 'a' })] })] }),
    ];
    assert.equal(rolloutState(given, pods('b'), 'registry').over, true);
    assert.equal(rolloutState(given, pods('c'), 'registry').over, false);
  });

  it('does not mind what else differs: a pod gets more than its template has', () => {
    const injected = [container({ image: 'mirror/registry:2.8.2', env: [{ name: 'INJECTED', value: '1' }] })];
    assert.equal(rolloutState(workload(), [pod({ containers: injected })], 'registry').over, true);
  });
});

describe('the rollout of a Deployment', () => {
  const deployment = (differing: Partial<Workload> = {}) =>
    enabling({
      kind: 'Deployment',
      ...differing,
      status: status({ currentRevision: '', updateRevision: '', ...differing.status }),
    });

  check({
    'is over when nothing but the new pod is left, and it is available': {
      given: deployment(),
      pods: [fresh()],
    },
    'waits for the controller to see the change': {
      given: deployment({ generation: 3 }),
      pods: [fresh()],
      waitingFor: /controller/,
    },
    'waits while the surge pod starts beside the old one': {
      given: deployment({ status: status({ replicas: 2, updatedReplicas: 1 }) }),
      pods: [old(), fresh({ ready: false, trouble: 'ContainerCreating' })],
      waitingFor: /old pod old/,
    },
    'waits while both are ready': {
      given: deployment({ status: status({ replicas: 2, availableReplicas: 2 }) }),
      pods: [old(), fresh()],
      waitingFor: /old pod old/,
    },
    'waits for the old pod to end, although no counter knows it any more': {
      given: deployment(),
      pods: [fresh(), old({ terminating: true })],
      waitingFor: /old pod old/,
    },
    'waits for a superfluous new pod': {
      given: deployment({ status: status({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 }) }),
      pods: [fresh(), fresh({ name: 'new-2' })],
      waitingFor: /1 ready replica/,
    },
    'waits until it is available, not only ready': {
      given: deployment({ status: status({ availableReplicas: 0 }) }),
      pods: [fresh()],
      waitingFor: /1 ready replica/,
    },
    'never calls a pod stuck: the controller replaces it': {
      given: deployment({ status: status({ updatedReplicas: 0, availableReplicas: 0 }) }),
      pods: [old({ ready: false })],
      waitingFor: /old pod old/,
    },
  });
});

describe('a workload that would never roll out', () => {
  for (const [name, differing] of Object.entries({
    OnDelete: { updateStrategy: 'OnDelete' },
    'partition 1': { partition: 1 },
    paused: { kind: 'Deployment', paused: true },
    '0 replicas': { replicas: 0 },
  } satisfies Record<string, Partial<Workload>>))
    it(`is refused in words: ${name}`, () => {
      assert.throws(
        () => refuseUnrollable(workload(differing)),
        (error: unknown) =>
          error instanceof RefusedError && error.message.includes(name) && error.next.length > 10,
      );
    });

  for (const updateStrategy of ['RollingUpdate', 'Recreate'])
    it(`is not one with ${updateStrategy}`, () =>
      assert.doesNotThrow(() => refuseUnrollable(workload({ updateStrategy }))));
});
