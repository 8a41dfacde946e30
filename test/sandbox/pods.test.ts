import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { StartFailure } from '../../scripts/sandbox/cluster/pod-faults.ts';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { ApiClient, platformPath, podManifest } from './api-client.ts';
import { conditionOf, eventually, podGone, podNamed, podReady } from './conditions.ts';

describe("a pod's life in the sandbox", () => {
  let sandbox: Sandbox;
  let api: ApiClient;
  before(async () => {
    sandbox = await startSandbox({ environments: 1, revisions: 2, legacy: 0, rolloutMs: 50, podStartMs: 20 });
    api = new ApiClient(sandbox);
  });
  after(async () => {
    api.close();
    await sandbox.stop();
  });

  const create = (name: string, changes: Parameters<typeof podManifest>[1] = {}) =>
    api.ok('POST', `${platformPath}/pods`, { body: podManifest(name, changes) });
  const phaseBecomes = (name: string, phase: string) =>
    eventually(sandbox, `${name} is ${phase}`, () => podNamed(sandbox, name)?.status.phase === phase);
  const eventsOf = async (name: string) => {
    const path = `${platformPath}/events?fieldSelector=involvedObject.name=${name}`;
    const { items } = await api.ok<{ items: { reason: string; message: string }[] }>('GET', path);
    return items;
  };

  it('begins pending, and is ready once its container runs', async () => {
    const phases = new Set<string>();
    const unsubscribe = sandbox.cluster.store.subscribe(() => {
      const pod = podNamed(sandbox, 'plain');
      if (pod !== undefined)
        phases.add(`${pod.status.phase} ready=${conditionOf(pod, 'Ready') ?? 'unknown'}`);
    });
    await create('plain');
    await podReady(sandbox, 'plain');
    unsubscribe();
    assert.deepEqual(
      [...phases],
      ['Pending ready=unknown', 'Pending ready=False', 'Running ready=False', 'Running ready=True'],
    );
    assert.deepEqual(
      (await eventsOf('plain')).map(({ reason }) => reason),
      ['Scheduled', 'Started'],
    );
  });

  it('succeeds or fails as its command does', async () => {
    await create('good', { container: { command: ['true'] } });
    await create('bad', { container: { command: ['sh', '-c', 'exit 3'] } });
    await phaseBecomes('good', 'Succeeded');
    await phaseBecomes('bad', 'Failed');
    assert.equal(podNamed(sandbox, 'bad')?.status.containerStatuses?.[0]?.state.terminated?.exitCode, 3);
  });

  it('ignores SIGTERM as process 1, until its grace period is over', async (context) => {
    if (!sandbox.isolated) return context.skip('plain processes are not process 1');
    await create('stubborn');
    await podReady(sandbox, 'stubborn');
    const begin = Date.now();
    await api.ok('DELETE', `${platformPath}/pods/stubborn`);
    assert.notEqual(podNamed(sandbox, 'stubborn')?.metadata.deletionTimestamp, undefined);
    await podGone(sandbox, 'stubborn');
    assert.ok(Date.now() - begin >= 1000, 'the grace period is one second');
    return undefined;
  });

  it('goes sooner when it is deleted again with a shorter grace period', async () => {
    await create('patient', { spec: { terminationGracePeriodSeconds: 600 } });
    await podReady(sandbox, 'patient');
    await api.ok('DELETE', `${platformPath}/pods/patient`);
    await api.ok('DELETE', `${platformPath}/pods/patient`, { body: { gracePeriodSeconds: 1 } });
    await podGone(sandbox, 'patient');
  });

  it('goes at once with a grace period of 0', async () => {
    await create('hasty');
    await podReady(sandbox, 'hasty');
    await api.ok('DELETE', `${platformPath}/pods/hasty`, { body: { gracePeriodSeconds: 0 } });
    assert.equal(podNamed(sandbox, 'hasty'), undefined);
  });

  it('fails when its deadline is over, and takes its processes along', async () => {
    // On a busy machine it takes seconds until it is ready.
    await create('limited', { spec: { activeDeadlineSeconds: 6 } });
    await podReady(sandbox, 'limited');
    const running = api.exec('limited', { command: ['sleep', '60'] });
    await phaseBecomes('limited', 'Failed');
    assert.equal(podNamed(sandbox, 'limited')?.status.reason, 'DeadlineExceeded');
    assert.partialDeepStrictEqual((await running).status, { status: 'Failure' });
  });

  it('cannot change after it was made', async () => {
    await create('fixed');
    const body = [{ op: 'replace', path: '/spec/containers/0/command', value: ['true'] }];
    assert.equal((await api.jsonPatch(`${platformPath}/pods/fixed`, body)).code, 422);
    const labelled = [{ op: 'add', path: '/metadata/labels/run', value: 'r1' }];
    assert.equal((await api.jsonPatch(`${platformPath}/pods/fixed`, labelled)).code, 200);
  });

  it('is as isolated as its pod says', async (context) => {
    if (!sandbox.isolated) return context.skip('needs Linux namespaces');
    await create('isolated', { labels: { 'docker-registry-client': 'false' } });
    await podReady(sandbox, 'isolated');
    const script = `
      id -u; id -g
      touch /etc/mine 2>/dev/null || echo read-only
      dd if=/dev/zero of=/home/skopeo/full bs=1M count=9 2>/dev/null || echo full
      : 2>/dev/null </dev/tcp/127.0.0.1/${sandbox.registry.split(':')[1]} || echo no network
      grep NoNewPrivs /proc/self/status
      ls ${sandbox.storage} 2>/dev/null || echo no host files`;
    const { stdout } = await api.exec('isolated', { command: ['bash', '-c', script] });
    assert.deepEqual(stdout.trim().split('\n'), [
      ...['65532', '0', 'read-only', 'full', 'no network', 'NoNewPrivs:\t1', 'no host files'],
    ]);
    return undefined;
  });

  it('reaches the registry behind the NetworkPolicy with the right label', async () => {
    await create('client');
    await podReady(sandbox, 'client');
    const login = [
      'skopeo',
      'login',
      '--tls-verify=false',
      '--username',
      sandbox.username,
      '--password-stdin',
    ];
    const command = [...login, '--authfile', '/home/skopeo/auth.json', sandbox.registry];
    const { stdout } = await api.exec('client', { command, input: sandbox.password });
    assert.equal(stdout, 'Login Succeeded!\n');
  });

  describe('that does not begin', () => {
    const reasons: Readonly<Partial<Record<StartFailure, string>>> = {
      imagePull: 'ImagePullBackOff',
      containerConfig: 'CreateContainerConfigError',
    };
    for (const [failure, reason] of Object.entries(reasons)) {
      it(`waits with ${reason} and a message`, async () => {
        const name = failure.toLowerCase();
        await api.inject({ fault: 'failPods', failure, podPrefix: name, message: 'in other words' });
        await create(name);
        const waiting = () => podNamed(sandbox, name)?.status.containerStatuses?.[0]?.state.waiting;
        await eventually(sandbox, `${name} waits`, () => waiting()?.reason === reason);
        assert.equal(waiting()?.message, 'in other words');
        assert.ok((await eventsOf(name)).some(({ message }) => message.includes('in other words')));
      });
    }

    it('is unschedulable, with a reason', async () => {
      await api.inject({ fault: 'failPods', failure: 'unschedulable', podPrefix: 'homeless' });
      await create('homeless');
      const scheduled = () =>
        podNamed(sandbox, 'homeless')?.status.conditions?.find(({ type }) => type === 'PodScheduled');
      await eventually(sandbox, 'homeless is unschedulable', () => scheduled()?.reason === 'Unschedulable');
      assert.match(scheduled()?.message ?? '', /^0\/1 nodes are available/);
    });

    it('is refused by a quota or a webhook', async () => {
      await api.inject({ fault: 'failPods', failure: 'quota', podPrefix: 'greedy' });
      const greedy = await api.call('POST', `${platformPath}/pods`, { body: podManifest('greedy') });
      assert.equal(greedy.code, 403);
      assert.match((greedy.body as Error).message, /^pods "greedy" is forbidden: exceeded quota: /);
      await api.inject({ fault: 'failPods', failure: 'webhook', podPrefix: 'foreign' });
      const foreign = await api.call('POST', `${platformPath}/pods`, { body: podManifest('foreign') });
      assert.match((foreign.body as Error).message, /^admission webhook ".*" denied the request: /);
      await create('greedy');
    });

    it('crashes', async () => {
      await api.inject({ fault: 'failPods', failure: 'crash', podPrefix: 'crashing' });
      await create('crashing');
      await phaseBecomes('crashing', 'Failed');
    });

    it('has no command to begin with', async () => {
      await create('wrong', { container: { command: ['no-such-command'] } });
      await phaseBecomes('wrong', 'Failed');
      assert.equal(
        podNamed(sandbox, 'wrong')?.status.containerStatuses?.[0]?.state.terminated?.reason,
        'StartError',
      );
    });

    it('would run as root although it must not', async () => {
      const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
      await create('rooted', { spec: { securityContext } });
      const waiting = () => podNamed(sandbox, 'rooted')?.status.containerStatuses?.[0]?.state.waiting;
      await eventually(sandbox, 'rooted waits', () => waiting()?.reason === 'CreateContainerConfigError');
      assert.match(waiting()?.message ?? '', /runAsNonRoot and image will run as root/);
    });
  });
});
