/** What the sandbox cannot be made to do: events, patience, a pod that does not go. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UnreachableError } from '../../../src/domain/errors.ts';
import { type StubAnswer, startApiStub, statusAnswer } from './support/api-stub.ts';
import { connect, timeLimit } from './support/connection.ts';
import { livePod } from './support/live-pod.ts';

function waiting(reason: string, message?: string): StubAnswer {
  const containerStatuses = [{ name: 'skopeo', state: { waiting: { reason, message } } }];
  return livePod({ status: { phase: 'Pending', containerStatuses } });
}

const NO_EVENTS: StubAnswer = { body: { items: [] } };

/** Starts a pod that is in one state after the other; the last one for ever. */
async function start(
  pods: [StubAnswer, ...StubAnswer[]],
  events = NO_EVENTS,
  more: { startTimeoutMs?: number; startGraceMs?: number } = {},
) {
  let next = 0;
  await using api = await startApiStub({
    answer: ({ method, path }) => {
      if (path.endsWith('/events')) return events;
      if (method === 'POST') return livePod();
      return pods[Math.min(next++, pods.length - 1)] ?? pods[0];
    },
  });
  const { startGraceMs = 60_000, startTimeoutMs = 300 } = more;
  const { pod } = await connect(api.kubeconfig, {
    pod: { startTimeoutMs },
    times: { startGraceMs, pollMs: 5 },
  });
  const outcome = await pod.ensure(timeLimit()).catch((error) => error);
  return { outcome, requests: api.requests };
}

async function failure(...given: Parameters<typeof start>): Promise<UnreachableError> {
  const { outcome } = await start(...given);
  assert.ok(outcome instanceof UnreachableError, String(outcome));
  return outcome;
}

describe('a pod that starts slowly', () => {
  const event = (lastTimestamp: string, message: string) => ({
    reason: 'FailedMount',
    lastTimestamp,
    message,
  });

  test('is given up in the end, with the cluster’s newest warning', async () => {
    const items = [
      event('2026-03-01T12:00:01Z', 'older'),
      event('2026-03-01T12:00:09Z', 'newest'),
      event('2026-03-01T12:00:05Z', 'old'),
    ];
    const { outcome, requests } = await start([waiting('ContainerCreating')], { body: { items } });
    assert.match(
      outcome.message,
      /does not start: Pending\. The cluster's newest warning: FailedMount: newest\.$/,
    );
    assert.match(outcome.next, /--pod-timeout.*describe pod/);
    const asked = requests.find(({ path }) => path.endsWith('/events'));
    assert.equal(asked?.query.get('fieldSelector'), 'involvedObject.uid=pod-1,type=Warning');
  });

  test('is told without events where they may not be read', async () => {
    const { message } = await failure([waiting('ContainerCreating')], statusAnswer(403, 'Forbidden', 'no'));
    assert.match(message, /does not start: Pending\.$/);
  });

  test('is told once where the warning says the same', async () => {
    const items = [{ reason: 'Failed', message: 'cannot pull' }];
    const { message } = await failure([waiting('ErrImagePull', 'cannot pull')], { body: { items } });
    assert.match(message, /does not start: ErrImagePull: cannot pull\.$/);
  });
});

describe('patience', () => {
  test('has none with a name that can never be pulled', async () => {
    const given = { startTimeoutMs: 60_000 };
    const { message, next } = await failure([waiting('InvalidImageName', 'bad')], NO_EVENTS, given);
    assert.match(message, /InvalidImageName: bad/);
    assert.match(next, /--image/);
  });

  test('has some with an image that cannot be pulled at first', async () => {
    const states = [waiting('ErrImagePull', 'busy'), waiting('ImagePullBackOff', 'busy'), livePod()] as const;
    const { outcome } = await start([...states], NO_EVENTS, { startTimeoutMs: 60_000 });
    assert.equal(outcome.uid, 'pod-1');
  });

  test('ends when an image has not been pulled for long', async () => {
    const given = { startTimeoutMs: 60_000, startGraceMs: 50 };
    const { message } = await failure([waiting('ImagePullBackOff', 'busy')], NO_EVENTS, given);
    assert.match(message, /ImagePullBackOff: busy/);
  });

  test('ends when an older pod does not go', async () => {
    const leaving = livePod({ metadata: { deletionTimestamp: new Date().toISOString() } });
    assert.match((await failure([leaving])).message, /an older one is still terminating/);
  });

  test('ends when the pod that was just created is over', async () => {
    const terminated = { exitCode: 128, reason: 'StartError', message: 'no "sleep"' };
    const status = { phase: 'Failed', containerStatuses: [{ name: 'skopeo', state: { terminated } }] };
    const states = [statusAnswer(404, 'NotFound', 'none'), livePod({ status })] as const;
    const { message } = await failure([...states], NO_EVENTS, { startTimeoutMs: 60_000 });
    assert.match(message, /does not start: StartError \(exit code 128\): no "sleep"\.$/);
  });

  test('ends when the pod is deleted whenever it is created', async () => {
    const { message } = await failure([statusAnswer(404, 'NotFound', 'gone')]);
    assert.match(message, /deleted again whenever it is created/);
  });
});

test('removing a pod that does not go ends in time, with what can be done', async () => {
  await using api = await startApiStub({ answer: () => livePod() });
  const { pod } = await connect(api.kubeconfig, { times: { removeTimeoutMs: 50, pollMs: 5 } });
  await assert.rejects(pod.remove(timeLimit()), (error) => {
    assert.ok(error instanceof UnreachableError);
    assert.match(error.next, /--force/);
    return true;
  });
  const deletion = api.requests.find(({ method }) => method === 'DELETE');
  assert.deepEqual(deletion?.body, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid: 'pod-1' },
  });
});
