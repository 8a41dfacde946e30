/** Which images of which objects count; the objects as the API server answers them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { POD_MAKERS, PODS } from '../../../src/adapters/kubernetes/image-sources.ts';

const sources = new Map([PODS, ...POD_MAKERS].map((source) => [source.kind, source]));

function images(kind: string, object: object): unknown[] {
  const source = sources.get(kind);
  assert.ok(source, kind);
  return source.images(object).filter((image) => image !== undefined && image !== '');
}

const podSpec = {
  containers: [{ image: 'main' }, { image: 'sidecar' }],
  initContainers: [{ image: 'init' }],
  ephemeralContainers: [{ image: 'debug' }],
  volumes: [{ name: 'data', emptyDir: {} }, { image: { reference: 'mounted' } }],
};
const named = ['main', 'sidecar', 'init', 'debug', 'mounted'];
const template = { metadata: {}, spec: podSpec };

test('a pod names images in its spec, and its runtime in its status', () => {
  const status = (name: string) => [{ image: `${name}:tag`, imageID: `${name}@digest` }];
  const object = {
    spec: podSpec,
    status: {
      containerStatuses: [...status('main'), { image: 'sidecar:tag', imageID: '' }],
      initContainerStatuses: status('init'),
      ephemeralContainerStatuses: status('debug'),
    },
  };
  assert.deepEqual(images('Pod', object), [
    ...named,
    ...['main:tag', 'main@digest', 'sidecar:tag'],
    ...['init:tag', 'init@digest', 'debug:tag', 'debug@digest'],
  ]);
});

describe('what makes pods names images in its template', () => {
  for (const kind of ['Deployment', 'StatefulSet', 'ReplicaSet', 'DaemonSet', 'Job'])
    test(kind, () => assert.deepEqual(images(kind, { spec: { template } }), named));

  test('CronJob, suspended ones too', () => {
    const spec = { suspend: true, jobTemplate: { spec: { template } } };
    assert.deepEqual(images('CronJob', { spec }), named);
  });

  test('Deployment and StatefulSet, also without replicas', () => {
    for (const kind of ['Deployment', 'StatefulSet'])
      assert.deepEqual(images(kind, { spec: { replicas: 0, template } }), named);
  });

  test('ReplicaSet, but not without replicas', () => {
    assert.deepEqual(images('ReplicaSet', { spec: { replicas: 1, template } }), named);
    assert.deepEqual(images('ReplicaSet', { spec: { replicas: 0, template } }), []);
  });

  test('Job, as long as it has not ended', () => {
    const job = (...conditions: { type: string; status: string }[]) =>
      images('Job', { spec: { suspend: true, template }, status: { conditions } });
    assert.deepEqual(job(), named);
    assert.deepEqual(job({ type: 'Suspended', status: 'True' }, { type: 'Failed', status: 'False' }), named);
    assert.deepEqual(job({ type: 'FailureTarget', status: 'True' }), named);
    assert.deepEqual(job({ type: 'Complete', status: 'True' }), []);
    assert.deepEqual(job({ type: 'FailureTarget', status: 'True' }, { type: 'Failed', status: 'True' }), []);
  });
});

test('an object that says little names nothing', () => {
  for (const kind of sources.keys())
    for (const object of [{}, { spec: {} }, { spec: { template: {} } }, { spec: { jobTemplate: {} } }])
      assert.deepEqual(images(kind, object), []);
});
