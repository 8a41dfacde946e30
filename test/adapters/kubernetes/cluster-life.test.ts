/** The adapter against the sandbox's API server: a pod's whole life, and commands that really run in it. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Sandbox, startSandbox } from '../../../scripts/sandbox/index.ts';
import { requiredPermissions } from '../../../src/adapters/kubernetes/permissions.ts';
import { RefusedError, RegistryError, UnreachableError } from '../../../src/domain/errors.ts';
import type { Permission } from '../../../src/domain/permissions.ts';
import type { Shell } from '../../../src/ports.ts';
import { connect, timeLimit } from './support/connection.ts';

const POD = 'docker-registry-cleaner';

let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ environments: 1, revisions: 1, legacy: 0 });
});
after(() => sandbox.stop());

async function connected(changes: Parameters<typeof connect>[1] = {}) {
  return connect(sandbox.kubeconfig, { registry: sandbox.registry, ...changes });
}

/** Fair weather, and no pod, for the next test. */
async function cleanUp(): Promise<void> {
  sandbox.faults.clear();
  const { pod } = await connected({ pod: { anyRun: true } });
  await pod.remove(timeLimit());
}

async function output(shell: Shell, ...argv: string[]): Promise<string> {
  const session = await shell.open(argv, timeLimit());
  const printed = await text(session.output);
  assert.equal(await session.exit, 0, session.errors());
  return printed;
}

describe('the cluster', () => {
  afterEach(cleanUp);

  test('is known by the UID of kube-system, and has the registry’s password', async () => {
    const { cluster } = await connected();
    const identity = await cluster.identity(timeLimit());
    assert.match(identity.uid, /^[0-9a-f-]{36}$/);
    assert.equal(identity.context, sandbox.context);
    assert.deepEqual(await cluster.registryCredentials(timeLimit()), {
      username: sandbox.username,
      password: sandbox.password,
    });
  });

  test('may have no such Secret', async () => {
    const { cluster } = await connected({ secretName: 'nothing' });
    assert.equal(await cluster.registryCredentials(timeLimit()), undefined);
  });

  test('says what we may not do', async () => {
    const { cluster } = await connected();
    const needed = requiredPermissions({
      namespace: 'domino-platform',
      secretNamespace: 'domino-compute',
      secretName: 'domino-registry',
      workload: { kind: 'StatefulSet', name: 'docker-registry', replicas: 1 },
      route: 'skopeo',
      readsSecret: true,
      deletes: true,
    });
    assert.deepEqual(await cluster.missingPermissions(needed, timeLimit()), []);
    const denials = [
      { verb: 'create', resource: 'pods/exec' },
      { verb: 'patch', resource: 'statefulsets', group: 'apps', name: 'docker-registry' },
    ];
    await sandbox.faults.inject({ fault: 'deny', denials });
    const missing = await cluster.missingPermissions(needed, timeLimit());
    assert.deepEqual(
      missing.map(({ verb, resource }) => `${verb} ${resource}`),
      ['create pods/exec', 'patch statefulsets'],
    );
  });
});

describe('the Skopeo pod', () => {
  afterEach(cleanUp);

  test('is created, runs commands as a nobody with a place in memory, is adopted, and goes', async () => {
    const { pod, podShell } = await connected();
    assert.equal(await pod.find(timeLimit()), undefined);
    const made = await pod.ensure(timeLimit());
    assert.deepEqual([made.name, made.run, made.phase], [POD, 'run-1', 'Running']);
    assert.equal((await pod.ensure(timeLimit())).uid, made.uid);
    if (sandbox.isolated) assert.equal(await output(podShell, 'id', '-u'), '65532\n');
    assert.equal(
      await output(podShell, 'sh', '-c', 'echo s > "$REGISTRY_AUTH_FILE" && cat "$HOME/auth.json"'),
      's\n',
    );
    assert.equal(await pod.remove(timeLimit()), true);
    assert.equal(await pod.find(timeLimit()), undefined);
    assert.equal(await pod.remove(timeLimit()), false);
  });

  test('is made once, however many ask for it', async () => {
    const { pod } = await connected();
    const made = await Promise.all(Array.from({ length: 5 }, () => pod.ensure(timeLimit())));
    assert.equal(new Set(made.map(({ uid }) => uid)).size, 1);
  });

  test('may have been created by somebody quicker: theirs, if it is of this run', async () => {
    const [one, other] = await Promise.all([connected(), connected()]);
    const [first, second] = await Promise.all([one.pod.ensure(timeLimit()), other.pod.ensure(timeLimit())]);
    assert.equal(first.uid, second.uid);
  });

  test('is replaced when it was lost: the next command runs in a new one', async () => {
    const { podShell } = await connected();
    const session = await podShell.open(['sleep', '60'], timeLimit());
    await sandbox.faults.inject({ fault: 'losePod', pod: POD });
    await session.exit.catch((error) =>
      assert.ok(error instanceof RegistryError && error.failure === 'temporary'),
    );
    const next = await podShell.open(['true'], timeLimit());
    assert.equal(await next.exit, 0);
    assert.notEqual(next.place, session.place);
  });

  test('is replaced when its settings have changed, or its deadline is near', async () => {
    const { uid } = await (await connected()).pod.ensure(timeLimit());
    const changed = await (await connected({ pod: { image: 'mirror/skopeo:v1.20.0' } })).pod.ensure(
      timeLimit(),
    );
    assert.notEqual(changed.uid, uid);
    const impatient = await connected({
      pod: { image: 'mirror/skopeo:v1.20.0' },
      times: { deadlineMarginMs: 3_700_000 },
    });
    const renewed = await impatient.pod.ensure(timeLimit());
    assert.notEqual(renewed.uid, changed.uid);
  });

  test('of another run is left alone, except by who may remove any', async () => {
    const { uid } = await (await connected()).pod.ensure(timeLimit());
    const { pod } = await connected({ pod: { run: 'run-2' } });
    await assert.rejects(pod.ensure(timeLimit()), (error) => {
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, /run run-1, of ann@laptop, since 20/);
      return true;
    });
    assert.equal(await pod.remove(timeLimit()), false);
    assert.equal((await pod.find(timeLimit()))?.uid, uid);
    const recover = await connected({ pod: { run: 'run-2', anyRun: true } });
    assert.equal(await recover.pod.remove(timeLimit()), true);
  });

  test('of somebody else is left alone by everybody', async () => {
    const foreign = {
      metadata: { name: POD, namespace: 'domino-platform', labels: { app: 'theirs' } },
      spec: { containers: [] },
      status: { phase: 'Pending' },
    };
    const key = { resource: 'pods', namespace: 'domino-platform', name: POD };
    sandbox.cluster.store.create('pods', { apiVersion: 'v1', kind: 'Pod', ...foreign } as never);
    try {
      const { pod } = await connected({ pod: { anyRun: true } });
      await assert.rejects(pod.ensure(timeLimit()), RefusedError);
      assert.equal(await pod.remove(timeLimit()), false);
      assert.equal((await pod.find(timeLimit()))?.run, '');
    } finally {
      sandbox.cluster.store.remove(key);
    }
  });
});

describe('a pod that cannot start says why, in the cluster’s words', () => {
  afterEach(cleanUp);

  type Failure = 'imagePull' | 'unschedulable' | 'containerConfig' | 'quota' | 'webhook';
  const reasons: [Failure, RegExp, RegExp][] = [
    ['imagePull', /(?:ErrImagePull|ImagePullBackOff): .*quay\.io\/skopeo/, /--image/],
    ['unschedulable', /Unschedulable: 0\/1 nodes are available/, /--node-selector/],
    ['containerConfig', /CreateContainerConfigError: secret "registry-client" not found/, /describe pod/],
    ['quota', /exceeded quota: compute-quota/, /quota or an admission policy/],
    ['webhook', /denied the request: images must come from/, /quota or an admission policy/],
  ];
  for (const [failure, words, advice] of reasons)
    test(failure, async () => {
      await sandbox.faults.inject({ fault: 'failPods', failure, podPrefix: POD, times: 99 });
      const startTimeoutMs = failure === 'unschedulable' ? 2000 : 60_000;
      const { pod } = await connected({ pod: { startTimeoutMs } });
      await assert.rejects(pod.ensure(timeLimit()), (error) => {
        assert.ok(error instanceof UnreachableError, String(error));
        assert.match(error.message, words);
        assert.match(error.next, advice);
        return true;
      });
    });

  test('a verb that is forbidden: the rule to add', async () => {
    await sandbox.faults.inject({ fault: 'deny', denials: [{ verb: 'create', resource: 'pods' }] });
    const { pod } = await connected();
    await assert.rejects(pod.ensure(timeLimit()), (error) => {
      assert.ok(error instanceof UnreachableError);
      assert.match(
        error.next,
        /Role in namespace domino-platform[\s\S]*resources: \["pods"\]\n {4}verbs: \["create"\]/,
      );
      return true;
    });
  });

  test('a namespace that is not there', async () => {
    const { pod } = await connected({ namespace: 'nowhere' });
    await assert.rejects(pod.ensure(timeLimit()), (error) => {
      assert.ok(error instanceof UnreachableError);
      assert.match(error.message, /nowhere/);
      assert.match(error.next, /--namespace/);
      return true;
    });
  });
});

describe('a command', () => {
  after(cleanUp);

  test('gets its input and gives its output, errors and exit status', async () => {
    const { podShell } = await connected();
    const session = await podShell.open(
      ['sh', '-c', 'read line; echo "$line"; echo no >&2; exit 7'],
      timeLimit(),
    );
    await session.write('a "b" $c\n');
    assert.equal(await text(session.output), 'a "b" $c\n');
    assert.equal(await session.exit, 7);
    assert.equal(session.errors(), 'no\n');
  });

  test('that does not exist will not exist next time', async () => {
    const { podShell } = await connected();
    const session = await podShell.open(['no-such-command'], timeLimit());
    await assert.rejects(
      session.exit,
      (error) => error instanceof RegistryError && error.failure === 'other',
    );
  });

  test('whose socket is cut can be tried again, and may still be running', async () => {
    const { podShell } = await connected();
    const session = await podShell.open(['sh', '-c', 'echo on; sleep 60'], timeLimit());
    for await (const chunk of session.output) {
      assert.equal(chunk.toString(), 'on\n');
      await sandbox.faults.inject({ fault: 'dropExec', podPrefix: POD });
    }
    await assert.rejects(
      session.exit,
      (error) => error instanceof RegistryError && error.failure === 'temporary',
    );
    assert.equal((await podShell.open(['true'], timeLimit())).place, session.place);
  });

  test('survives an API server that stumbles', async () => {
    const { podShell } = await connected();
    await podShell.open(['true'], timeLimit());
    await sandbox.faults.inject({ fault: 'apiError', code: 429, times: 2, retryAfterSeconds: 0 });
    assert.equal(await (await podShell.open(['true'], timeLimit())).exit, 0);
  });
});

test('a whole life needs no more than the permissions that are asked for', async (t) => {
  const asked = t.mock.method(sandbox.cluster.access, 'assertAllowed');
  const { cluster, workload, pod, podShell, lease, imagesInUse } = await connected();
  const signal = timeLimit();
  await cluster.identity(signal);
  const held = await lease.acquire({ status() {} }, signal);
  await held.confirm(signal);
  await lease.find(signal);
  await imagesInUse.find(signal);
  await cluster.registryCredentials(signal);
  const registry = await workload.read(signal);
  await pod.ensure(signal);
  await output(podShell, 'true');
  const version = [
    { op: 'test', path: '/metadata/resourceVersion', value: registry.resourceVersion } as const,
  ];
  await workload.patch(version, signal);
  const [first] = await workload.pods(signal);
  assert.ok(first);
  await workload.deletePod(first, signal);
  await pod.remove(signal);
  await held.release(signal);

  const needed = requiredPermissions({
    namespace: 'domino-platform',
    secretNamespace: 'domino-compute',
    secretName: 'domino-registry',
    workload: registry,
    route: 'skopeo',
    readsSecret: true,
    deletes: true,
    inUseNamespaces: [],
  });
  const attempts = asked.mock.calls.map(({ arguments: [attempt] }) => attempt);
  const covers = (permission: Permission, attempt: (typeof attempts)[number]) =>
    permission.verb === attempt.verb &&
    permission.group === attempt.group &&
    permission.resource === [attempt.resource, attempt.subresource].filter(Boolean).join('/') &&
    permission.namespace === attempt.namespace &&
    (permission.name === undefined || permission.name === attempt.name);
  assert.ok(attempts.length > 10);
  const uncovered = attempts.filter((attempt) => !needed.some((permission) => covers(permission, attempt)));
  assert.deepEqual(uncovered, []);
  const unused = needed.filter((permission) => !attempts.some((attempt) => covers(permission, attempt)));
  assert.deepEqual(unused, []);
  assert.deepEqual(sandbox.cluster.unknownCalls, []);
});
