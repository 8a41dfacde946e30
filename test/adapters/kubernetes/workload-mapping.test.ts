import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseWorkloadName } from '../../../src/adapters/kubernetes/workload.ts';
import {
  isLeftBehind,
  isOwned,
  selectorText,
  toPod,
  toWorkload,
  type WireWorkload,
} from '../../../src/adapters/kubernetes/workload-mapping.ts';
import { UsageError } from '../../../src/domain/errors.ts';

const metadata = { namespace: 'ns', name: 'docker-registry', uid: 'u', resourceVersion: '7', generation: 3 };
const env = [
  { name: 'Z', value: 'last first' },
  { name: 'A', valueFrom: { fileKeyRef: { path: 'x', unknownToUs: [1] } } },
  { value: '', name: 'EMPTY' },
];
const template = {
  spec: { containers: [{ name: 'registry', image: 'registry:2', ports: [{ containerPort: 5000 }], env }] },
};

function workload(spec: object, rest: object = {}): WireWorkload {
  return { metadata, spec: { template, ...spec }, ...rest } as unknown as WireWorkload;
}

describe('a workload', () => {
  test('is read from a StatefulSet', () => {
    const status = {
      observedGeneration: 3,
      replicas: 2,
      readyReplicas: 1,
      currentRevision: 'r-1',
      updateRevision: 'r-2',
    };
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
    assert.deepEqual(toWorkload('StatefulSet', workload({ replicas: 2, updateStrategy }, { status })), {
      kind: 'StatefulSet',
      ...metadata,
      annotations: undefined,
      replicas: 2,
      updateStrategy: 'RollingUpdate',
      partition: 1,
      paused: false,
      ownVolumes: false,
      containers: [{ name: 'registry', image: 'registry:2', ports: [5000], env }],
      status: { ...status, updatedReplicas: 0, availableReplicas: 0 },
    });
  });

  test('has pods with a volume each where the StatefulSet says so', () => {
    const volumeClaimTemplates = [{ metadata: { name: 'storage' } }];
    assert.equal(toWorkload('StatefulSet', workload({ volumeClaimTemplates })).ownVolumes, true);
  });

  test('is read from a Deployment', () => {
    const { updateStrategy, paused, partition, replicas, status } = toWorkload(
      'Deployment',
      workload({ strategy: { type: 'Recreate' }, paused: true }),
    );
    assert.deepEqual(
      { updateStrategy, paused, partition, replicas },
      {
        updateStrategy: 'Recreate',
        paused: true,
        partition: 0,
        replicas: 1,
      },
    );
    assert.equal(status.updateRevision, '');
  });

  test('keeps env as it is: order, keys, fields that nobody knows', () => {
    const [container] = toWorkload('StatefulSet', workload({})).containers;
    assert.equal(JSON.stringify(container?.env), JSON.stringify(env));
  });

  test('tells an empty env from none', () => {
    const withEnv = (value: unknown) =>
      toWorkload('StatefulSet', {
        spec: { template: { spec: { containers: [{ name: 'a', ...(value ? { env: value } : {}) }] } } },
      } as WireWorkload).containers[0]?.env;
    assert.deepEqual(withEnv([]), []);
    assert.equal(withEnv(undefined), undefined);
  });
});

describe('a pod of the workload', () => {
  const set = { kind: 'StatefulSet', name: 'docker-registry', uid: 'u' } as const;
  const deployment = { kind: 'Deployment', name: 'docker-registry', uid: 'd' } as const;
  const owned = (owner: object, labels = {}) => ({ metadata: { labels, ownerReferences: [owner] } }) as never;

  test('is known by its owner', () => {
    const byUid = { kind: 'StatefulSet', uid: 'u', name: 'docker-registry', controller: true };
    assert.ok(isOwned(owned(byUid), set));
    assert.ok(!isOwned(owned({ ...byUid, uid: 'other' }), set));
    assert.ok(!isOwned(owned({ ...byUid, controller: false }), set));
    assert.ok(!isOwned({ metadata: {} } as never, set));
  });

  test('is known by its ReplicaSet’s name where that stands between', () => {
    const labels = { 'pod-template-hash': '5d' };
    const replicaSet = { kind: 'ReplicaSet', uid: 'r', name: 'docker-registry-5d', controller: true };
    assert.ok(isOwned(owned(replicaSet, labels), deployment));
    assert.ok(!isOwned(owned({ ...replicaSet, name: 'docker-registry-extra-5d' }, labels), deployment));
    assert.ok(!isOwned(owned({ ...replicaSet, name: 'docker-registry-undefined' }), deployment));
  });

  test('does not count when a Deployment has left it behind, evicted or ended', () => {
    const inPhase = (phase: string) => ({ status: { phase } }) as never;
    assert.ok(isLeftBehind(inPhase('Failed'), deployment));
    assert.ok(isLeftBehind(inPhase('Succeeded'), deployment));
    assert.ok(!isLeftBehind(inPhase('Running'), deployment));
    assert.ok(!isLeftBehind(inPhase('Pending'), deployment));
    // The StatefulSet's controller has to replace it: until then the rollout is not over.
    assert.ok(!isLeftBehind(inPhase('Failed'), set));
  });

  test('says what it is and why it is not ready', () => {
    const pod = {
      metadata: {
        name: 'docker-registry-0',
        uid: 'p',
        deletionTimestamp: '2026-03-01T12:00:00Z',
        labels: { 'controller-revision-hash': 'r-2' },
      },
      spec: template.spec,
      status: {
        phase: 'Pending',
        containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } }],
      },
    } as never;
    assert.deepEqual(toPod(pod), {
      name: 'docker-registry-0',
      uid: 'p',
      ready: false,
      terminating: true,
      revision: 'r-2',
      containers: [{ name: 'registry', image: 'registry:2', ports: [5000], env }],
      trouble: 'ErrImagePull: not found',
    });
  });

  test('has no trouble when it is ready', () => {
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    const { ready, trouble } = toPod({ metadata: {}, spec: { containers: [] }, status } as never);
    assert.deepEqual({ ready, trouble }, { ready: true, trouble: '' });
  });
});

test('a selector is written as a query', () => {
  const matchExpressions = [
    { key: 'tier', operator: 'In', values: ['a', 'b'] },
    { key: 'zone', operator: 'NotIn', values: ['c'] },
    { key: 'there', operator: 'Exists' },
    { key: 'gone', operator: 'DoesNotExist' },
  ];
  const text = selectorText({ matchLabels: { app: 'registry', x: 'y' }, matchExpressions });
  assert.equal(text, 'app=registry,x=y,tier in (a,b),zone notin (c),there,!gone');
});

describe('the name of a workload', () => {
  const names: [string, object][] = [
    ['docker-registry', { kind: undefined, name: 'docker-registry' }],
    ['statefulset/docker-registry', { kind: 'StatefulSet', name: 'docker-registry' }],
    ['sts/r', { kind: 'StatefulSet', name: 'r' }],
    ['Deployment/r', { kind: 'Deployment', name: 'r' }],
    ['deploy/r.v2', { kind: 'Deployment', name: 'r.v2' }],
  ];
  for (const [text, expected] of names)
    test(`${text} is understood`, () => assert.deepEqual(parseWorkloadName(text), expected));
  for (const text of ['', 'statefulset/', '/r', 'daemonset/r', 'a/b/c', 'Registry', '../x', 'constructor/r'])
    test(`"${text}" is refused`, () => assert.throws(() => parseWorkloadName(text), UsageError));
});
