/** Which images are in use in the sandbox's cluster, and how they are asked for. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KubeObject, Pod } from '../../../scripts/sandbox/cluster/objects.ts';
import { type Sandbox, startSandbox } from '../../../scripts/sandbox/index.ts';
import { inUsePermissions } from '../../../src/adapters/kubernetes/in-use.ts';
import { UnreachableError, UsageError } from '../../../src/domain/errors.ts';
import { roleRules } from '../../../src/domain/permissions.ts';
import { ApiClient } from '../../sandbox/api-client.ts';
import { startApiStub, statusAnswer } from './support/api-stub.ts';
import { connect, timeLimit } from './support/connection.ts';

const compute = 'domino-compute';
const repository = 'docker-registry:5000/dominodatalab/environment';

/** A pod template with a container of its own image. */
const template = (tag: string) => ({
  metadata: { labels: { app: tag } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: `${repository}:${tag}` }] },
});

describe('images in use in the sandbox', () => {
  let sandbox: Sandbox;
  let api: ApiClient;
  const store = () => sandbox.cluster.store;
  const create = (resource: string, object: Partial<KubeObject> & Pick<KubeObject, 'spec'>, name: string) =>
    store().create(resource, {
      ...{ apiVersion: 'v1', kind: '', ...object },
      metadata: { name, namespace: compute },
    });
  const find = async (...inUseNamespaces: string[]) => {
    const { imagesInUse } = await connect(sandbox.kubeconfig, { inUseNamespaces });
    const { uses, unseen } = await imagesInUse.find(timeLimit());
    return { users: new Map(uses.map(({ image, by }) => [image, by])), uses, unseen };
  };

  before(async () => {
    sandbox = await startSandbox({ environments: 1, revisions: 1, legacy: 0, rolloutMs: 50, podStartMs: 30 });
    api = new ApiClient(sandbox);
    const path = `/api/v1/namespaces/${compute}/pods`;
    for (const name of ['running', 'ended']) {
      const spec = template(name).spec;
      const ends = name === 'ended' ? { command: ['true'] } : {};
      const container = { ...spec.containers[0], ...ends };
      await api.ok('POST', path, {
        body: { metadata: { name }, spec: { ...spec, containers: [container] } },
      });
      const wanted = name === 'ended' ? 'Succeeded' : 'Running';
      for await (const { object } of api.watch(`${path}?watch=true&fieldSelector=metadata.name=${name}`))
        if (object.status.phase === wanted) break;
    }
    create('daemonsets', { spec: { template: template('daemon') } }, 'daemon');
    create('replicasets', { spec: { replicas: 0, template: template('past') } }, 'past');
    create('replicasets', { spec: { replicas: 2, template: template('replica') } }, 'replica');
    create('jobs', { spec: { template: template('job') } }, 'job');
    const complete = { conditions: [{ type: 'Complete', status: 'True' }] };
    create('jobs', { spec: { template: template('done') }, status: complete }, 'done');
    create('cronjobs', { spec: { jobTemplate: { spec: { template: template('cron') } } } }, 'cron');
  });
  after(async () => {
    api.close();
    await sandbox.stop();
  });

  test('are those of what runs or is to run, in all namespaces, each with a user', async () => {
    const { users, unseen } = await find();
    const ours = [...users].filter(([image]) => image.startsWith(`${repository}:`));
    const tags = ours.map(([image, by]) => [image.slice(repository.length + 1).split('@')[0], by]);
    assert.deepEqual(Object.fromEntries(tags), {
      running: `Pod ${compute}/running`,
      daemon: `DaemonSet ${compute}/daemon`,
      replica: `ReplicaSet ${compute}/replica`,
      job: `Job ${compute}/job`,
      cron: `CronJob ${compute}/cron`,
    });
    assert.equal(users.get('docker.io/library/registry:2.8.2'), 'Pod domino-platform/docker-registry-0');
    assert.deepEqual(unseen, []);
  });

  test('are what the runtime says that it runs, too', async () => {
    const ran = `docker-registry:5000/dominodatalab/environment@sha256:${'a'.repeat(64)}`;
    store().modify<Pod>({ resource: 'pods', namespace: compute, name: 'running' }, ({ status }) => {
      for (const container of status.containerStatuses ?? []) container.imageID = ran;
    });
    assert.equal((await find()).users.get(ran), `Pod ${compute}/running`);
  });

  test('are looked for in the namespaces that are named, only', async () => {
    const { users } = await find('default', compute);
    assert.equal(users.get('docker.io/library/registry:2.8.2'), undefined);
    assert.equal(users.get(`${repository}:cron`), `CronJob ${compute}/cron`);
    assert.deepEqual((await find('default')).uses, []);
  });

  test('are not looked for in a namespace that there is not', async () => {
    await assert.rejects(find(compute, 'domino-compte'), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /"domino-compte"/);
      return true;
    });
  });

  test('are found on later pages as well', async () => {
    const many = Array.from({ length: 1203 }, (_, n) => `many-${n}`);
    for (const name of many)
      create('cronjobs', { spec: { jobTemplate: { spec: { template: template(name) } } } }, name);
    const { users } = await find();
    for (const name of many) assert.equal(users.get(`${repository}:${name}`), `CronJob ${compute}/${name}`);
  });

  test('of which one may not know are told, with the rule that would help, and the others found', async () => {
    const denials = [
      { verb: 'list', resource: 'pods', namespace: '' },
      { verb: 'list', resource: 'jobs' },
    ];
    await sandbox.faults.inject({ fault: 'deny', denials });
    const { users, unseen } = await find();
    const named = await find(compute);
    sandbox.faults.clear();
    assert.equal(users.get(`${repository}:cron`), `CronJob ${compute}/cron`);
    assert.equal(users.get(`${repository}:running`), undefined);
    assert.deepEqual(
      unseen.map(({ kind, namespace }) => [kind, namespace]),
      [
        ['Pod', ''],
        ['Job', ''],
      ],
    );
    for (const { reason, permission } of unseen) {
      assert.match(reason, /403.*cannot list resource/);
      assert.deepEqual([permission.verb, permission.namespace], ['list', '']);
    }
    assert.match(roleRules(unseen.map(({ permission }) => permission)), /ClusterRole[\s\S]*"jobs"/);
    assert.deepEqual(
      named.unseen.map(({ kind, namespace }) => [kind, namespace]),
      [['Job', compute]],
    );
    assert.equal(named.users.get(`${repository}:running`), `Pod ${compute}/running`);
  });

  test('may be known by whoever has the permissions that are told, and every single one is needed', async () => {
    for (const namespaces of [[], [compute]]) {
      for (const { verb, group, resource } of inUsePermissions(namespaces)) {
        await sandbox.faults.inject({ fault: 'deny', denials: [{ verb, group, resource }] });
        const { unseen } = await find(...namespaces);
        sandbox.faults.clear();
        assert.deepEqual(
          unseen.map(({ permission }) => permission.resource),
          [resource],
        );
      }
    }
    const kinds = ['pods', 'deployments', 'statefulsets', 'replicasets', 'daemonsets', 'jobs', 'cronjobs'];
    assert.deepEqual(
      inUsePermissions([]).map(({ resource }) => resource),
      kinds,
    );
    assert.deepEqual(sandbox.cluster.unknownCalls, []);
  });
});

describe('a search for images in use', () => {
  const page = (names: string[], next?: string) => ({
    body: {
      metadata: next === undefined ? {} : { continue: next },
      items: names.map((name) => ({
        metadata: { namespace: 'n', name },
        spec: { containers: [{ name: 'main', image: name }] },
      })),
    },
  });

  test('asks for pages of 500, and not for pods that have ended', async () => {
    await using stub = await startApiStub({
      answer: ({ path, query }) =>
        path === '/api/v1/pods' && !query.has('continue') ? page(['a'], 'more') : page([]),
    });
    await (await connect(stub.kubeconfig)).imagesInUse.find(timeLimit());
    const [first, second, ...others] = stub.requests;
    assert.equal(
      String(first?.query),
      'limit=500&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed',
    );
    assert.equal(String(second?.query), `${first?.query}&continue=more`);
    assert.equal(others.length, 6);
    for (const { query } of others) assert.equal(String(query), 'limit=500');
  });

  test('begins a listing anew whose token has expired', async () => {
    let expirations = 1;
    await using stub = await startApiStub({
      answer: ({ path, query }) => {
        if (path !== '/api/v1/pods') return page([]);
        const token = query.get('continue');
        if (token === null) return page(['a'], 'second');
        if (token === 'second') return page(['b'], 'third');
        return expirations-- > 0 ? statusAnswer(410, 'Expired', 'too old') : page(['c']);
      },
    });
    const { uses } = await (await connect(stub.kubeconfig)).imagesInUse.find(timeLimit());
    assert.deepEqual(
      uses,
      ['a', 'b', 'c'].map((image) => ({ image, by: `Pod n/${image}` })),
    );
  });

  test('gives up a listing that expires again and again', async () => {
    await using stub = await startApiStub({
      answer: ({ query }) =>
        query.has('continue') ? statusAnswer(410, 'Expired', 'too old') : page(['a'], 'second'),
    });
    const { imagesInUse } = await connect(stub.kubeconfig);
    await assert.rejects(imagesInUse.find(timeLimit()), (error) => {
      assert.ok(error instanceof UnreachableError);
      assert.match(error.message, /410/);
      return true;
    });
    assert.equal(stub.requests.length, 8);
  });

  test('fails with what the API server fails with', async () => {
    await using stub = await startApiStub({
      answer: ({ path }) => (path.endsWith('/jobs') ? statusAnswer(500, 'InternalError', 'etcd') : page([])),
    });
    const { imagesInUse } = await connect(stub.kubeconfig);
    await assert.rejects(imagesInUse.find(timeLimit()), /500.*etcd/);
  });

  test('may be given up', async () => {
    await using stub = await startApiStub({ answer: () => 'hang' });
    const { imagesInUse } = await connect(stub.kubeconfig);
    const ended = new AbortController();
    const search = imagesInUse.find(ended.signal);
    ended.abort(new Error('enough'));
    await assert.rejects(search, /enough/);
  });
});
