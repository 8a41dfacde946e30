import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { ApiClient, platformPath, podManifest, workloadPath } from './api-client.ts';

describe('objects of the sandbox', () => {
  let sandbox: Sandbox;
  let api: ApiClient;
  before(async () => {
    sandbox = await startSandbox({ environments: 1, revisions: 2, legacy: 0, rolloutMs: 50, podStartMs: 30 });
    api = new ApiClient(sandbox);
  });
  after(async () => {
    api.close();
    await sandbox.stop();
  });

  describe('who was first', () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/domino-platform/leases';
    const lease = (holderIdentity: string, metadata: object = {}) => ({
      metadata: { name: 'cleaner', ...metadata },
      spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
    });

    it('creates an object once', async () => {
      await api.ok('POST', leases, { body: lease('first') });
      const { code, body } = await api.call('POST', leases, { body: lease('second') });
      assert.partialDeepStrictEqual({ code, body }, { code: 409, body: { reason: 'AlreadyExists' } });
    });

    it('refuses an update of an object that has changed', async () => {
      type Lease = { metadata: { resourceVersion: string } };
      const { metadata } = await api.ok<Lease>('GET', `${leases}/cleaner`);
      const fresh = { resourceVersion: metadata.resourceVersion };
      await api.ok('PUT', `${leases}/cleaner`, { body: lease('third', fresh) });
      const { code, body } = await api.call('PUT', `${leases}/cleaner`, { body: lease('fourth', fresh) });
      assert.partialDeepStrictEqual({ code, body }, { code: 409, body: { reason: 'Conflict' } });
      assert.equal((await api.call('PUT', `${leases}/cleaner`, { body: lease('fifth') })).code, 422);
      assert.partialDeepStrictEqual(await api.ok('GET', `${leases}/cleaner`), {
        spec: { holderIdentity: 'third' },
      });
    });

    it('takes times of a lease with six digits after the point only', async () => {
      const coarse = { ...lease('sixth'), spec: { renewTime: '2026-01-01T00:00:00.000Z' } };
      assert.equal((await api.call('POST', leases, { body: coarse })).code, 400);
    });

    it('refuses a patch for an older version', async () => {
      const body = { metadata: { resourceVersion: '1' }, spec: { replicas: 2 } };
      const { code } = await api.call('PATCH', workloadPath, {
        body,
        contentType: 'application/merge-patch+json',
      });
      assert.equal(code, 409);
    });

    it('deletes under preconditions only', async () => {
      const body = { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } };
      assert.equal((await api.call('DELETE', `${leases}/cleaner`, { body })).code, 409);
      await api.ok('DELETE', `${leases}/cleaner`);
      assert.equal((await api.call('GET', `${leases}/cleaner`)).code, 404);
    });
  });

  describe('lists and watches', () => {
    it('selects by label and field, and refuses fields that cannot be selected by', async () => {
      const names = async (query: string) => {
        const list = await api.ok<{ items: { metadata: { name: string } }[] }>(
          'GET',
          `/api/v1/pods?${query}`,
        );
        return list.items.map(({ metadata }) => metadata.name);
      };
      assert.deepEqual(await names('labelSelector=app.kubernetes.io/name=docker-registry'), [
        'docker-registry-0',
      ]);
      assert.deepEqual(await names('labelSelector=app.kubernetes.io/name%20in%20(a,b)'), []);
      assert.deepEqual(await names('labelSelector=!app.kubernetes.io/name'), []);
      assert.deepEqual(await names('fieldSelector=metadata.name=docker-registry-0,status.phase=Running'), [
        'docker-registry-0',
      ]);
      assert.deepEqual(await names('fieldSelector=status.phase!=Running'), []);
      assert.equal((await api.call('GET', '/api/v1/pods?fieldSelector=spec.volumes=x')).code, 400);
    });

    it('streams what happens after a version, and nothing else', async () => {
      const { metadata } = await api.ok<{ metadata: { resourceVersion: string } }>(
        'GET',
        `${platformPath}/pods`,
      );
      await api.ok('POST', `${platformPath}/pods`, { body: podManifest('watched') });
      const types: string[] = [];
      const path = `${platformPath}/pods?watch=true&resourceVersion=${metadata.resourceVersion}&fieldSelector=metadata.name=watched`;
      for await (const { type } of api.watch(path)) {
        types.push(type);
        if (types.length === 2) await api.ok('DELETE', `${platformPath}/pods/watched?gracePeriodSeconds=0`);
        if (type === 'DELETED') break;
      }
      assert.equal(types[0], 'ADDED');
      assert.equal(types.at(-1), 'DELETED');
    });
  });

  describe('what Domino has there', () => {
    it("is the status of the registry's workload, which nobody may write", async () => {
      assert.partialDeepStrictEqual(await api.ok('GET', `${workloadPath}/status`), {
        status: { replicas: 1 },
      });
      const forged = [{ op: 'replace', path: '/status/replicas', value: 9 }];
      assert.equal((await api.jsonPatch(`${workloadPath}/status`, forged)).code, 405);
      assert.partialDeepStrictEqual(await api.jsonPatch(workloadPath, forged), {
        body: { status: { replicas: 1 } },
      });
    });

    it('is the UID of kube-system', async () => {
      const { metadata } = await api.ok<{ metadata: { uid: string } }>(
        'GET',
        '/api/v1/namespaces/kube-system',
      );
      assert.match(metadata.uid, /^[0-9a-f-]{36}$/);
    });

    it("is the Secret with the registry's credentials", async () => {
      const path = '/api/v1/namespaces/domino-compute/secrets/domino-registry';
      const secret = await api.ok<{ type: string; data: Record<string, string> }>('GET', path);
      assert.equal(secret.type, 'kubernetes.io/dockerconfigjson');
      const { auths } = JSON.parse(Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString());
      assert.equal(auths['docker-registry:5000'].password, sandbox.password);
      assert.equal(auths['docker-registry:5000'].username, sandbox.username);
    });
  });
});
