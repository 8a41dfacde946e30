import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Deployment, StatefulSet } from '../../scripts/sandbox/cluster/objects.ts';
import { isReady, isTerminating } from '../../scripts/sandbox/cluster/objects.ts';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { ApiClient, platformPath, workloadPath } from './api-client.ts';
import { eventually, podNamed, podReady } from './conditions.ts';
import { deletionStatus } from './registry-client.ts';

const deleteVariable = { name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'true' };
const enable = [{ op: 'add', path: '/spec/template/spec/containers/0/env/-', value: deleteVariable }];
const disable = [{ op: 'remove', path: '/spec/template/spec/containers/0/env/1' }];
const small = { environments: 1, revisions: 2, legacy: 0, rolloutMs: 200 } as const;

describe("the registry's StatefulSet", () => {
  let sandbox: Sandbox;
  let api: ApiClient;
  before(async () => {
    sandbox = await startSandbox(small);
    api = new ApiClient(sandbox);
    await rolledOut();
  });
  after(async () => {
    api.close();
    await sandbox.stop();
  });

  const set = () => sandbox.cluster.get<StatefulSet>('statefulsets', 'docker-registry') as StatefulSet;
  const isRolledOut = () => {
    const { metadata, spec, status } = set();
    return (
      (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
      status.updateRevision === status.currentRevision &&
      [status.updatedReplicas, status.readyReplicas, status.replicas].every(
        (count) => count === spec.replicas,
      )
    );
  };
  const rolledOut = () => eventually(sandbox, 'the rollout is over', isRolledOut);
  const podUid = () => podNamed(sandbox, 'docker-registry-0')?.metadata.uid;

  it('restarts the registry with the new variable, in the order of a real rollout', async () => {
    const before = set();
    const uid = podUid();
    assert.equal(await deletionStatus(sandbox), 405);
    const seen: string[] = [];
    const unsubscribe = sandbox.cluster.store.subscribe(() => {
      const { metadata, status } = set();
      const pod = podNamed(sandbox, 'docker-registry-0');
      const state =
        pod === undefined ? 'none' : isTerminating(pod) ? 'terminating' : isReady(pod) ? 'ready' : 'unready';
      const observed = status.observedGeneration === metadata.generation ? 'observed' : 'unobserved';
      const line = `${observed}, ${pod?.metadata.uid === uid ? 'old' : 'new'} pod ${state}, updated ${status.updatedReplicas ?? 0}`;
      if (seen.at(-1) !== line) seen.push(line);
    });
    assert.equal((await api.jsonPatch(workloadPath, enable)).code, 200);
    assert.equal(set().metadata.generation, (before.metadata.generation ?? 0) + 1);
    assert.ok(
      isReady(podNamed(sandbox, 'docker-registry-0') as never),
      'the old pod is still there, and ready',
    );
    await rolledOut();
    unsubscribe();
    assert.equal(seen[0], 'unobserved, old pod ready, updated 1');
    assert.ok(seen.includes('observed, old pod terminating, updated 0'), seen.join('\n'));
    assert.ok(seen.includes('observed, new pod unready, updated 1'), seen.join('\n'));
    assert.equal(await deletionStatus(sandbox), 404);
    assert.notEqual(podUid(), uid);
    assert.notEqual(set().status.currentRevision, before.status.currentRevision);
  });

  it('has its old revision and template again when the variable is taken away', async () => {
    assert.equal((await api.jsonPatch(workloadPath, disable)).code, 200);
    await rolledOut();
    assert.equal(await deletionStatus(sandbox), 405);
    const twice = [...enable, ...disable];
    const before = JSON.stringify(set());
    await api.jsonPatch(workloadPath, twice);
    assert.equal(JSON.stringify(set()), before, 'what changes nothing is no change');
  });

  it('does not roll out for metadata alone', async () => {
    const { generation } = set().metadata;
    const annotate = [{ op: 'add', path: '/metadata/annotations', value: { 'example.com/note': 'x' } }];
    assert.equal((await api.jsonPatch(workloadPath, annotate)).code, 200);
    assert.equal(set().metadata.generation, generation);
    assert.ok(isRolledOut());
  });

  it('refuses what cannot change, and a patch whose test fails', async () => {
    const rename = [{ op: 'replace', path: '/spec/serviceName', value: 'other' }];
    assert.equal((await api.jsonPatch(workloadPath, rename)).code, 422);
    const guarded = [{ op: 'test', path: '/spec/replicas', value: 7 }, ...enable];
    const { code, body } = await api.jsonPatch(workloadPath, guarded);
    assert.partialDeepStrictEqual({ code, body }, { code: 422, body: { reason: 'Invalid' } });
  });

  it('hangs on a pod that never becomes ready, even when its template is put back', async () => {
    await sandbox.faults.inject({ fault: 'endlessRollout' });
    await api.jsonPatch(workloadPath, enable);
    const hanging = () =>
      podNamed(sandbox, 'docker-registry-0')?.metadata.labels?.['controller-revision-hash'] ===
      set().status.updateRevision;
    await eventually(sandbox, 'the new pod runs, unready', () => {
      const pod = podNamed(sandbox, 'docker-registry-0');
      return hanging() && pod?.status.phase === 'Running' && !isReady(pod);
    });
    const uid = podUid();
    await api.jsonPatch(workloadPath, disable);
    await eventually(
      sandbox,
      'the old template is observed',
      () => set().status.observedGeneration === set().metadata.generation && !hanging(),
    );
    assert.equal(podUid(), uid, 'the hanging pod is not replaced');
    await api.ok('DELETE', `${platformPath}/pods/docker-registry-0`);
    await rolledOut();
    assert.equal(await deletionStatus(sandbox), 405);
  });

  it('does nothing by itself under OnDelete', async () => {
    await sandbox.faults.inject({ fault: 'updateStrategy', type: 'OnDelete' });
    const uid = podUid();
    await api.jsonPatch(workloadPath, enable);
    await eventually(
      sandbox,
      'the change is observed',
      () => set().status.observedGeneration === set().metadata.generation,
    );
    assert.notEqual(set().status.updateRevision, set().status.currentRevision);
    assert.equal(podUid(), uid);
    await api.jsonPatch(workloadPath, disable);
    await sandbox.faults.inject({ fault: 'updateStrategy', type: 'RollingUpdate', partition: 1 });
    await api.jsonPatch(workloadPath, enable);
    await eventually(
      sandbox,
      'the change is observed',
      () => set().status.observedGeneration === set().metadata.generation,
    );
    assert.equal(podUid(), uid, 'a partition spares the pods below it');
    await api.jsonPatch(workloadPath, disable);
    await sandbox.faults.inject({ fault: 'updateStrategy', type: 'RollingUpdate' });
    await rolledOut();
  });

  it('replaces a pod that is lost', async () => {
    const uid = podUid();
    await sandbox.faults.inject({ fault: 'losePod', pod: 'docker-registry-0' });
    await eventually(sandbox, 'there is another pod', () => ![undefined, uid].includes(podUid()));
    await podReady(sandbox, 'docker-registry-0');
    assert.equal(await deletionStatus(sandbox), 405);
  });

  it('restarts the registry in place when its process dies', async () => {
    const uid = podUid();
    await sandbox.faults.inject({ fault: 'restartRegistry' });
    await eventually(sandbox, 'the container was restarted', () => {
      const pod = podNamed(sandbox, 'docker-registry-0');
      return pod?.status.containerStatuses?.[0]?.restartCount === 1 && isReady(pod);
    });
    assert.equal(podUid(), uid);
    assert.equal(await deletionStatus(sandbox), 405);
  });

  it('may belong to a controller that writes the template back', async () => {
    await sandbox.faults.inject({ fault: 'writeBack', afterMs: 20 });
    const { template } = set().spec;
    await api.jsonPatch(workloadPath, enable);
    assert.notDeepEqual(set().spec.template, template);
    await eventually(
      sandbox,
      'the template is written back',
      () => JSON.stringify(set().spec.template) === JSON.stringify(template),
    );
    await rolledOut();
  });
});

describe("the registry's Deployment", () => {
  it('has a new pod ready before the old one goes, and counts only what lives', async () => {
    const registryEnv = [
      {
        name: 'REGISTRY_STORAGE_DELETE_ENABLED',
        valueFrom: { configMapKeyRef: { name: 'docker-registry-settings', key: 'delete-enabled' } },
      },
    ];
    const sandbox = await startSandbox({ ...small, workloadKind: 'Deployment', registryEnv, sidecar: true });
    const api = new ApiClient(sandbox);
    try {
      const path = workloadPath.replace('statefulsets', 'deployments');
      const deployment = () =>
        sandbox.cluster.get<Deployment>('deployments', 'docker-registry') as Deployment;
      assert.equal(await deletionStatus(sandbox), 405, 'the reference says false');
      const [old] = sandbox.cluster.pods();
      let together = 0;
      let uncounted = false;
      const unsubscribe = sandbox.cluster.store.subscribe(() => {
        const pods = sandbox.cluster.pods();
        together = Math.max(together, pods.filter((pod) => isReady(pod) && !isTerminating(pod)).length);
        const { replicas, updatedReplicas, availableReplicas, observedGeneration } = deployment().status;
        uncounted ||=
          observedGeneration === 2 &&
          [replicas, updatedReplicas, availableReplicas].every((n) => n === 1) &&
          pods.length === 2;
      });
      const operations = [
        { op: 'replace', path: '/spec/template/spec/containers/1/env/1', value: deleteVariable },
      ];
      assert.equal((await api.jsonPatch(path, operations)).code, 200);
      await eventually(sandbox, 'the old pod is gone', () => {
        const pods = sandbox.cluster.pods();
        return pods.length === 1 && pods[0]?.metadata.uid !== old?.metadata.uid;
      });
      unsubscribe();
      assert.equal(together, 2);
      assert.ok(uncounted, 'the status looks complete while the old pod is still terminating');
      assert.equal(await deletionStatus(sandbox), 404);
      assert.equal(deployment().metadata.annotations?.['deployment.kubernetes.io/revision'], '2');
    } finally {
      api.close();
      await sandbox.stop();
    }
  });
});
