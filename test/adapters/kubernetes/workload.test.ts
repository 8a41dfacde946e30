/** The registry's workload in the sandbox, once as a StatefulSet and once as a Deployment. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { type Sandbox, startSandbox } from '../../../scripts/sandbox/index.ts';
import { ConflictError, UnreachableError } from '../../../src/domain/errors.ts';
import type { JsonPatch, Workload } from '../../../src/domain/workload.ts';
import { startApiStub, statusAnswer } from './support/api-stub.ts';
import { connect, timeLimit } from './support/connection.ts';

const registryEnv = [
  {
    name: 'LAST',
    valueFrom: { configMapKeyRef: { name: 'docker-registry-settings', key: 'delete-enabled' } },
  },
  { name: 'FIRST' },
];

/** A patch that changes nothing unless the workload is still the one that was read. */
function note(workload: Workload, value: string): JsonPatch {
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: workload.resourceVersion },
    { op: 'add', path: '/metadata/annotations', value: { ...workload.annotations, note: value } },
  ];
}

for (const kind of ['StatefulSet', 'Deployment'] as const)
  describe(`a registry that is a ${kind}`, () => {
    let sandbox: Sandbox;
    before(async () => {
      const small = { environments: 1, revisions: 1, legacy: 0 };
      sandbox = await startSandbox({
        ...small,
        workloadKind: kind,
        registryEnv,
        execV5: kind === 'StatefulSet',
      });
    });
    after(() => sandbox.stop());
    const port = async (registryWorkload = 'docker-registry') =>
      (await connect(sandbox.kubeconfig, { registryWorkload })).workload;

    test('is found by its name, with or without its kind', async () => {
      const workload = await (await port()).read(timeLimit());
      assert.equal(workload.kind, kind);
      assert.equal(workload.replicas, 1);
      assert.deepEqual(workload.containers[0]?.ports, [5000]);
      assert.deepEqual(workload.containers[0]?.env?.slice(-2), registryEnv);
      const named = await (await port(`${kind}/docker-registry`)).read(timeLimit());
      assert.equal(named.uid, workload.uid);
    });

    test('has its pods, and no others', async () => {
      const workload = await port();
      const [pod, ...more] = await workload.pods(timeLimit());
      assert.deepEqual(more, []);
      assert.ok(pod);
      assert.match(pod.name, /^docker-registry-/);
      assert.deepEqual([pod.ready, pod.terminating], [true, false]);
      assert.notEqual(pod.revision, '');
      assert.deepEqual(pod.containers[0]?.env?.slice(-2), registryEnv);
    });

    test('is patched as it was read, or not at all', async () => {
      const workload = await port();
      const before = await workload.read(timeLimit());
      const noted = await workload.patch(note(before, 'first'), timeLimit());
      assert.equal(noted.annotations?.['note'], 'first');
      await assert.rejects(workload.patch(note(before, 'second'), timeLimit()), ConflictError);
      assert.equal((await workload.read(timeLimit())).annotations?.['note'], 'first');
    });

    test('is not patched with what the API does not know; that is no conflict', async () => {
      const workload = await port();
      const { resourceVersion } = await workload.read(timeLimit());
      const patches: JsonPatch[] = [
        [
          { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
          { op: 'add', path: '/spec/unknownField', value: 1 },
        ],
        [
          { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
          { op: 'remove', path: '/metadata/annotations/not-there' },
        ],
      ];
      for (const patch of patches)
        await assert.rejects(workload.patch(patch, timeLimit()), (error) => {
          assert.ok(error instanceof UnreachableError && !(error instanceof ConflictError), String(error));
          return true;
        });
    });

    test('loses a pod only while it is that very pod', async () => {
      const workload = await port();
      const [pod] = await workload.pods(timeLimit());
      assert.ok(pod);
      await workload.deletePod({ ...pod, uid: '00000000-0000-4000-8000-000000000000' }, timeLimit());
      await workload.deletePod({ ...pod, name: 'docker-registry-gone' }, timeLimit());
      const [same] = await workload.pods(timeLimit());
      assert.equal(same?.terminating, false);
      await workload.deletePod(pod, timeLimit());
      const pods = await workload.pods(timeLimit());
      assert.ok(pods.every(({ uid, terminating }) => uid !== pod.uid || terminating));
    });

    test('is looked for in vain under another name: what there is, is named', async () => {
      await assert.rejects((await port('registry')).read(timeLimit()), (error) => {
        assert.ok(error instanceof UnreachableError);
        assert.match(error.message, /no StatefulSet or Deployment "registry" in namespace domino-platform/);
        assert.ok(error.message.includes(`${kind.toLowerCase()}/docker-registry`));
        assert.match(error.next, /--registry-workload.*--namespace/);
        return true;
      });
    });

    test('is also looked for in vain by who may not list', async () => {
      const denials = ['statefulsets', 'deployments'].map((resource) => ({ verb: 'list', resource }));
      await sandbox.faults.inject({ fault: 'deny', denials });
      await assert.rejects((await port('registry')).read(timeLimit()), /There is no[^.]*\.$/);
      sandbox.faults.clear();
    });

    test('lets commands run beside it, whatever exec protocol the cluster speaks', async () => {
      const { pod, podShell } = await connect(sandbox.kubeconfig);
      const session = await podShell.open(['sh', '-c', 'read line; echo "$line"'], timeLimit());
      await session.write('hello\n');
      assert.equal(await text(session.output), 'hello\n');
      assert.equal(await session.exit, 0);
      await pod.remove(timeLimit());
    });
  });

describe('a workload of which only one kind may be read', () => {
  const deployment = {
    metadata: { name: 'docker-registry', uid: 'd' },
    spec: { template: { spec: { containers: [] } } },
  };
  const forbidden = statusAnswer(403, 'Forbidden', 'no');
  const missing = statusAnswer(404, 'NotFound', 'none');
  const read = async (answers: { statefulsets: typeof forbidden; deployments: typeof forbidden }) => {
    await using api = await startApiStub({
      answer: ({ path }) => (path.includes('statefulsets') ? answers.statefulsets : answers.deployments),
    });
    const { workload } = await connect(api.kubeconfig);
    return await workload.read(timeLimit());
  };

  test('is found although the other is forbidden', async () =>
    assert.equal(
      (await read({ statefulsets: forbidden, deployments: { body: deployment } })).kind,
      'Deployment',
    ));

  test('may be forbidden where nobody can say whether it is there', () =>
    assert.rejects(read({ statefulsets: forbidden, deployments: missing }), (error) => {
      assert.ok(error instanceof UnreachableError && error.forbidden);
      assert.match(error.next, /statefulsets/);
      return true;
    }));

  test('is not there', () =>
    assert.rejects(
      read({ statefulsets: missing, deployments: forbidden }),
      /There is no StatefulSet "docker-registry"/,
    ));
});

describe('a patch whose outcome nobody knows', () => {
  const metadata = { name: 'docker-registry', resourceVersion: '2' };
  const object = { metadata, spec: { template: { spec: { containers: [] } } } };
  const send = async (patch: JsonPatch) => {
    let patches = 0;
    await using api = await startApiStub({
      answer: ({ method }) => {
        if (method !== 'PATCH') return { body: object };
        return patches++ === 0 ? 'cut' : statusAnswer(422, 'Invalid', 'a test failed');
      },
    });
    const { workload } = await connect(api.kubeconfig);
    const error = await workload.patch(patch, timeLimit()).catch((caught) => caught);
    const [first] = api.requests.filter(({ method }) => method === 'PATCH');
    assert.equal(first?.headers['content-type'], 'application/json-patch+json');
    assert.equal(first.query.get('fieldValidation'), 'Strict');
    return { error, patches };
  };

  test('is sent again when it tests the resource version: applied already, it conflicts', async () => {
    const { error, patches } = await send([{ op: 'test', path: '/metadata/resourceVersion', value: '1' }]);
    assert.equal(patches, 2);
    assert.ok(error instanceof ConflictError);
  });

  test('is not sent again without that', async () => {
    const { error, patches } = await send([{ op: 'add', path: '/metadata/annotations', value: {} }]);
    assert.equal(patches, 1);
    assert.match(error.message, /connection was cut/);
  });
});
