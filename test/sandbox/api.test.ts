import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { ApiClient, platformPath, podManifest, workloadPath } from './api-client.ts';

describe('API server of the sandbox', () => {
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

  describe('who may come in', () => {
    it('refuses a wrong token with 401', async () => {
      const { code, body } = await api.call('GET', '/api/v1/namespaces', { token: 'wrong' });
      assert.equal(code, 401);
      assert.partialDeepStrictEqual(body, { kind: 'Status', status: 'Failure', reason: 'Unauthorized' });
    });

    it('answers no path and no verb that it does not know, and remembers the call', async () => {
      const before = sandbox.cluster.unknownCalls.length;
      assert.equal((await api.call('GET', '/apis/policy/v1/poddisruptionbudgets')).code, 404);
      assert.equal((await api.call('DELETE', workloadPath)).code, 405);
      assert.deepEqual(sandbox.cluster.unknownCalls.slice(before), [
        'GET /apis/policy/v1/poddisruptionbudgets',
        `DELETE ${workloadPath}`,
      ]);
    });

    it('lets a denial show in the review and in the real call', async () => {
      const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods', subresource: 'exec' } } };
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      const allowed = await api.call('POST', path, { body: review });
      assert.partialDeepStrictEqual(allowed, { code: 201, body: { status: { allowed: true } } });
      await sandbox.faults.inject({
        fault: 'deny',
        denials: [
          { verb: 'get', resource: 'pods/exec' },
          { verb: 'patch', group: 'apps', resource: 'statefulsets', name: 'docker-registry' },
        ],
      });
      assert.partialDeepStrictEqual(await api.ok('POST', path, { body: review }), {
        status: { allowed: false },
      });
      const { code, body } = await api.jsonPatch(workloadPath, []);
      assert.equal(code, 403);
      assert.partialDeepStrictEqual(body, {
        reason: 'Forbidden',
        message:
          'statefulsets.apps "docker-registry" is forbidden: User "sandbox-administrator" cannot patch resource "statefulsets" in API group "apps" in the namespace "domino-platform"',
      });
      sandbox.faults.clear();
    });

    it('needs the verbs get and create for an exec', async () => {
      for (const verb of ['get', 'create']) {
        await sandbox.faults.inject({ fault: 'deny', denials: [{ verb, resource: 'pods/exec' }] });
        await assert.rejects(
          api.openExec('docker-registry-0', { command: ['true'] }),
          /Unexpected server response: 403/,
        );
      }
      sandbox.faults.clear();
    });
  });

  describe('what it reads', () => {
    it('drops an unknown field with a warning', async () => {
      const pod = podManifest('surprising', { spec: { surprise: true } });
      const { code, headers, body } = await api.call('POST', `${platformPath}/pods?dryRun=All`, {
        body: pod,
      });
      assert.equal(code, 201);
      assert.equal(headers['warning'], '299 - "unknown field \\"spec.surprise\\""');
      assert.ok(!('surprise' in (body as { spec: object }).spec));
    });

    it('refuses an unknown field under fieldValidation=Strict', async () => {
      const pod = podManifest('surprising', { container: { surprise: 1 } });
      const { code, body } = await api.call('POST', `${platformPath}/pods?fieldValidation=Strict`, {
        body: pod,
      });
      assert.partialDeepStrictEqual({ code, body }, { code: 400, body: { reason: 'BadRequest' } });
      assert.match(
        (body as Error).message,
        /strict decoding error: unknown field "spec\.containers\[0\]\.surprise"/,
      );
      const patch = { body: { spec: { surprise: 1 } }, contentType: 'application/merge-patch+json' };
      assert.equal((await api.call('PATCH', `${workloadPath}?fieldValidation=Strict`, patch)).code, 422);
    });

    it('refuses a value of the wrong type', async () => {
      const pod = podManifest('typed', { container: { env: [{ name: 'A', value: true }] } });
      const { code, body } = await api.call('POST', `${platformPath}/pods`, { body: pod });
      assert.equal(code, 400);
      assert.match(
        (body as Error).message,
        /cannot unmarshal bool into Go struct field .*env.* of type string/,
      );
    });

    it('drops what is empty, an empty value of a variable among it', async () => {
      const env = [{ name: 'EMPTY', value: '' }];
      const pod = podManifest('empty', { container: { env, args: [] }, spec: { nodeSelector: {} } });
      const created = await api.ok<{ spec: { containers: object[] } }>(
        'POST',
        `${platformPath}/pods?dryRun=All`,
        { body: pod },
      );
      assert.deepEqual((created.spec.containers[0] as { env: object[] }).env, [{ name: 'EMPTY' }]);
      assert.ok(!('args' in (created.spec.containers[0] as object)) && !('nodeSelector' in created.spec));
    });

    it('fills in the defaults of a pod', async () => {
      const pod = podManifest('defaulted', { container: { image: 'example.com/tool' } });
      assert.partialDeepStrictEqual(await api.ok('POST', `${platformPath}/pods?dryRun=All`, { body: pod }), {
        spec: { dnsPolicy: 'ClusterFirst', containers: [{ imagePullPolicy: 'Always', resources: {} }] },
      });
    });

    it('takes no body of another media type', async () => {
      const call = { body: podManifest('typed'), contentType: 'text/plain' };
      assert.equal((await api.call('POST', `${platformPath}/pods`, call)).code, 415);
      assert.equal(
        (await api.call('PATCH', workloadPath, { body: [], contentType: 'application/json' })).code,
        415,
      );
    });

    it('refuses names and labels that no object can have', async () => {
      const named = await api.call('POST', `${platformPath}/pods`, { body: podManifest('Not_A_Name') });
      assert.partialDeepStrictEqual(named, { code: 422, body: { reason: 'Invalid' } });
      const labelled = podManifest('labelled', { labels: { run: 'two words' } });
      assert.equal((await api.call('POST', `${platformPath}/pods`, { body: labelled })).code, 422);
    });
  });

  describe('PodSecurity', () => {
    it('keeps a careless pod out of a restricted namespace', async () => {
      const pod = podManifest('careless', {
        container: { securityContext: {} },
        spec: { securityContext: {} },
      });
      const { code, body } = await api.call('POST', `${platformPath}/pods`, { body: pod });
      assert.equal(code, 403);
      assert.equal(
        (body as Error).message,
        'pods "careless" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "skopeo" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "skopeo" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "skopeo" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "skopeo" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
      );
    });

    it('names host namespaces, volumes of the host, and root', async () => {
      const pod = podManifest('bold', {
        spec: {
          hostNetwork: true,
          volumes: [{ name: 'home', hostPath: { path: '/' } }],
          securityContext: { runAsNonRoot: true, runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } },
        },
      });
      const { body } = await api.call('POST', `${platformPath}/pods`, { body: pod });
      assert.equal(
        (body as Error).message.replace(/^.*latest": /, ''),
        'host namespaces (hostNetwork=true), restricted volume types (volume "home" uses restricted volume type "hostPath"), runAsUser=0 (pod must not set runAsUser=0)',
      );
    });

    it('lets the same pod into a namespace that enforces nothing', async () => {
      const pod = podManifest('careless', {
        container: { securityContext: {} },
        spec: { securityContext: {} },
      });
      await api.ok('POST', '/api/v1/namespaces/domino-compute/pods?dryRun=All', { body: pod });
    });
  });

  describe('bad weather', () => {
    it('answers 429 and 500 as often as asked, and says when to come back', async () => {
      const fault = {
        fault: 'apiError',
        code: 429,
        path: '/leases',
        method: 'GET',
        times: 2,
        retryAfterSeconds: 1,
      };
      await api.inject(fault);
      const path = '/apis/coordination.k8s.io/v1/leases';
      const first = await api.call('GET', path);
      assert.partialDeepStrictEqual(first, {
        code: 429,
        headers: { 'retry-after': '1' },
        body: { reason: 'TooManyRequests' },
      });
      assert.equal((await api.call('GET', '/api/v1/pods')).code, 200);
      assert.equal((await api.call('GET', path)).code, 429);
      assert.equal((await api.call('GET', path)).code, 200);
    });

    it('refuses faults that it does not know, and fields of theirs', async () => {
      assert.equal((await api.inject({ fault: 'earthquake' })).code, 400);
      assert.equal((await api.inject({ fault: 'losePod', pod: 'docker-registry-0', times: 2 })).code, 400);
      assert.equal((await api.inject({ fault: 'losePod' })).code, 400);
      assert.equal((await api.inject({ fault: 'losePod', pod: 'nobody' })).code, 400);
      assert.equal((await api.call('POST', '/sandbox/faults', { body: {}, token: 'wrong' })).code, 401);
    });
  });
});
