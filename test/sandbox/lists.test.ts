import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isReady, type Pod } from '../../scripts/sandbox/cluster/objects.ts';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { ApiClient } from './api-client.ts';

interface List {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly { readonly metadata: { readonly namespace: string; readonly name: string } }[];
}

const compute = '/namespaces/domino-compute';
const template = { spec: { containers: [{ name: 'main', image: 'example.com/tool:1' }] } };
const labelled = { metadata: { labels: { app: 'tool' } }, ...template };
const selector = { matchLabels: { app: 'tool' } };

/** One of each kind that makes pods, by the path of its collection. */
const workloads: Readonly<Record<string, object>> = {
  '/apis/apps/v1/deployments': { selector, template: labelled, replicas: 0 },
  '/apis/apps/v1/statefulsets': { selector, template: labelled, replicas: 0, serviceName: 'tool' },
  '/apis/apps/v1/replicasets': { selector, template: labelled, replicas: 0 },
  '/apis/apps/v1/daemonsets': { selector, template: labelled },
  '/apis/batch/v1/jobs': { template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
  '/apis/batch/v1/cronjobs': { schedule: '0 3 * * *', jobTemplate: { spec: { template } } },
};

describe('lists of the sandbox', () => {
  let sandbox: Sandbox;
  let api: ApiClient;
  before(async () => {
    sandbox = await startSandbox({ environments: 1, revisions: 1, legacy: 0, rolloutMs: 50, podStartMs: 30 });
    api = new ApiClient(sandbox);
  });
  after(async () => {
    api.close();
    await sandbox.stop();
  });

  const inCompute = (collection: string) => collection.replace(/\/(?=[a-z]+$)/, `${compute}/`);

  for (const [collection, spec] of Object.entries(workloads))
    it(`have what was created: ${collection}`, async () => {
      const body = { metadata: { name: 'tool' }, spec, status: { forged: true } };
      await api.ok('POST', inCompute(collection), { body });
      const { items } = await api.ok<List>('GET', collection);
      const created = items.find(({ metadata }) => metadata.name === 'tool');
      assert.partialDeepStrictEqual(created, { metadata: { namespace: 'domino-compute' } });
      assert.ok(!JSON.stringify(created).includes('forged'));
      assert.ok(JSON.stringify(created).includes('example.com/tool:1'));
      assert.equal((await api.call('POST', inCompute(collection), { body })).code, 409);
      const empty = { metadata: { name: 'empty' }, spec: {} };
      assert.equal((await api.call('POST', inCompute(collection), { body: empty })).code, 422);
    });

  it('give a new Deployment what its controller counts on', async () => {
    const spec = { ...workloads['/apis/apps/v1/deployments'], replicas: 1 };
    const collection = inCompute('/apis/apps/v1/deployments');
    await api.ok('POST', collection, { body: { metadata: { name: 'busy' }, spec } });
    for await (const { object } of api.watch(`/api/v1${compute}/pods?watch=true`))
      if (object.status.phase === 'Running') break;
    const { items } = await api.ok<List>('GET', `/api/v1${compute}/pods?labelSelector=app=tool`);
    assert.match(items[0]?.metadata.name ?? '', /^busy-/);
  });

  describe('page by page', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const path = '/apis/batch/v1/cronjobs';
    const next = ({ metadata }: List) => encodeURIComponent(metadata.continue ?? '');
    before(async () => {
      const spec = workloads[path];
      for (const namespace of ['default', 'domino-compute'])
        for (const name of names) {
          const collection = `/apis/batch/v1/namespaces/${namespace}/cronjobs`;
          await api.ok('POST', collection, { body: { metadata: { name, labels: { paged: 'yes' } }, spec } });
        }
    });

    it('come whole, each object once, however they are cut and selected', async () => {
      for (const limit of [1, 3, 10, 11]) {
        const seen: string[] = [];
        let token = '';
        do {
          const list = await api.ok<List>(
            'GET',
            `${path}?labelSelector=paged=yes&limit=${limit}&continue=${token}`,
          );
          assert.ok(list.items.length <= limit);
          seen.push(...list.items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
          token = next(list);
        } while (token !== '');
        const expected = ['default', 'domino-compute'].flatMap((namespace) =>
          names.map((name) => `${namespace}/${name}`),
        );
        assert.deepEqual(seen, expected);
      }
    });

    it('refuse what is no token of theirs, and one that is too old', async () => {
      assert.equal((await api.call('GET', `${path}?limit=1&continue=nonsense`)).code, 400);
      const token = next(await api.ok<List>('GET', `${path}?limit=1`));
      const key = { resource: 'cronjobs', namespace: 'default', name: 'a' };
      for (let n = 0; n < 6000; n += 1)
        sandbox.cluster.store.modify(key, ({ metadata }) => {
          metadata.annotations = { turn: String(n) };
        });
      const { code, body } = await api.call('GET', `${path}?limit=1&continue=${token}`);
      assert.partialDeepStrictEqual({ code, body }, { code: 410, body: { reason: 'Expired' } });
    });
  });

  it("are not mistaken: an image from the registry is not the registry's own", async () => {
    const container = { name: 'main', image: 'docker-registry:5000/dominodatalab/environment:tag' };
    const body = { metadata: { name: 'run-1' }, spec: { restartPolicy: 'Never', containers: [container] } };
    await api.ok('POST', `/api/v1${compute}/pods`, { body });
    const path = `/api/v1${compute}/pods?watch=true&fieldSelector=metadata.name=run-1`;
    for await (const { object } of api.watch(path)) {
      // A registry would end at once, since the pod has no configuration for it.
      assert.notEqual(object.status.phase, 'Failed');
      if (isReady(object as unknown as Pod)) break;
    }
  });
});
