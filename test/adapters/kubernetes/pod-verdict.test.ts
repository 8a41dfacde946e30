import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import type { Wire } from '../../../src/adapters/kubernetes/api-client.ts';
import { podTrouble, tellTrouble, whyNotReady } from '../../../src/adapters/kubernetes/pod-trouble.ts';
import { judgePod, patienceMs, podInfo } from '../../../src/adapters/kubernetes/pod-verdict.ts';
import { RefusedError } from '../../../src/domain/errors.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const criteria = { run: 'run-1', settings: 'abc', created: undefined, nowMs: NOW, deadlineMarginMs: 600_000 };

const running = {
  phase: 'Running',
  startTime: '2026-03-01T11:00:00Z',
  containerStatuses: [{ name: 'skopeo', state: { running: { startedAt: '2026-03-01T11:00:01Z' } } }],
};

/** A live pod of run-1, with changes. */
function pod(changes: { metadata?: object; spec?: object; status?: object } = {}): Wire<V1Pod> {
  return {
    metadata: {
      name: 'docker-registry-cleaner',
      namespace: 'ns',
      uid: 'u-1',
      creationTimestamp: '2026-03-01T11:00:00Z',
      labels: {
        'app.kubernetes.io/managed-by': 'docker-registry-cleaner',
        'docker-registry-cleaner/run': 'run-1',
      },
      annotations: {
        'docker-registry-cleaner/settings': 'abc',
        'docker-registry-cleaner/started-by': 'ann@laptop',
      },
      ...changes.metadata,
    },
    spec: { containers: [], activeDeadlineSeconds: 7200, ...changes.spec },
    status: changes.status ?? running,
  } as Wire<V1Pod>;
}

describe('a pod of the fixed name', () => {
  test('of this run is adopted', () => assert.equal(judgePod(pod(), criteria), 'running'));

  test('whose container does not run yet is waited for', () => {
    assert.equal(judgePod(pod({ status: { phase: 'Pending' } }), criteria), 'starting');
    const ended = [{ name: 'skopeo', state: { terminated: { exitCode: 1 } } }];
    assert.equal(
      judgePod(pod({ status: { phase: 'Running', containerStatuses: ended } }), criteria),
      'starting',
    );
  });

  test('that is terminating is waited for, whoever made it', () => {
    const metadata = { deletionTimestamp: '2026-03-01T11:59:00Z', labels: {} };
    assert.equal(judgePod(pod({ metadata }), criteria), 'leaving');
  });

  for (const phase of ['Succeeded', 'Failed', 'Unknown'])
    test(`is replaced when it is ${phase}`, () =>
      assert.equal(judgePod(pod({ status: { phase } }), criteria), 'spent'));

  test('that was made just now and is over has failed', () =>
    assert.equal(judgePod(pod({ status: { phase: 'Failed' } }), { ...criteria, created: 'u-1' }), 'failed'));

  test('that was made with other settings is replaced', () =>
    assert.equal(judgePod(pod(), { ...criteria, settings: 'def' }), 'spent'));

  test('that the cluster ends soon is replaced, unless it was made just now', () => {
    const soon = pod({ spec: { activeDeadlineSeconds: 3600 + 599 } });
    assert.equal(judgePod(soon, criteria), 'spent');
    assert.equal(judgePod(soon, { ...criteria, created: 'u-1' }), 'running');
    assert.equal(judgePod(pod({ spec: { activeDeadlineSeconds: 3600 + 601 } }), criteria), 'running');
  });

  test('of another run is refused: which, whose, since when, what to do', () =>
    assert.throws(
      () => judgePod(pod(), { ...criteria, run: 'run-2' }),
      (error) =>
        error instanceof RefusedError &&
        /run-1, of ann@laptop, since 2026-03-01T11:00:00Z/.test(error.message) &&
        /recover/.test(error.next),
    ));

  test('of somebody else is refused', () => {
    for (const labels of [{}, { 'docker-registry-cleaner/run': 'run-1' }]) {
      const foreign = pod({ metadata: { labels } });
      assert.throws(() => judgePod(foreign, criteria), RefusedError);
      assert.equal(podInfo(foreign).run, '');
    }
  });
});

describe('why a pod does not run', () => {
  const waiting = (reason: string, message?: string) => ({
    phase: 'Pending',
    containerStatuses: [{ name: 'skopeo', state: { waiting: { reason, message } } }],
  });
  const unschedulable = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message: '0/3 nodes are available: 3 Insufficient memory.',
  };
  const cases: [object, string | undefined][] = [
    [running, undefined],
    [{ phase: 'Pending' }, undefined],
    [waiting('ContainerCreating'), undefined],
    [
      waiting('ImagePullBackOff', 'Back-off pulling\u001b[31m image'),
      'ImagePullBackOff: Back-off pulling [31m image',
    ],
    [
      { phase: 'Pending', conditions: [unschedulable] },
      'Unschedulable: 0/3 nodes are available: 3 Insufficient memory.',
    ],
    [{ phase: 'Failed', reason: 'DeadlineExceeded', message: 'too long' }, 'DeadlineExceeded: too long'],
    [{ phase: 'Failed', message: 'who knows' }, 'Failed: who knows'],
    [
      {
        phase: 'Failed',
        containerStatuses: [
          {
            name: 'skopeo',
            state: { terminated: { exitCode: 128, reason: 'StartError', message: 'no sleep' } },
          },
        ],
      },
      'StartError (exit code 128): no sleep',
    ],
  ];
  for (const [status, expected] of cases)
    test(expected ?? `nothing to tell of ${JSON.stringify(status).slice(0, 60)}`, () => {
      const trouble = podTrouble(pod({ status }));
      assert.equal(trouble && tellTrouble(trouble), expected);
    });

  test('of the registry’s pod: also when it starts, or is not ready', () => {
    assert.equal(whyNotReady(pod({ status: waiting('ContainerCreating') })), 'ContainerCreating');
    const unready = {
      type: 'Ready',
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'unready: [registry]',
    };
    assert.equal(
      whyNotReady(pod({ status: { ...running, conditions: [unready] } })),
      'ContainersNotReady: unready: [registry]',
    );
    assert.equal(whyNotReady(pod({ status: { phase: 'Pending' } })), 'Pending');
  });

  test('decides how long it is waited for', () => {
    assert.equal(patienceMs({ reason: 'InvalidImageName', message: '' }, 45), 0);
    assert.equal(patienceMs({ reason: 'ImagePullBackOff', message: '' }, 45), 45);
    assert.equal(patienceMs({ reason: 'Unschedulable', message: '' }, 45), Number.POSITIVE_INFINITY);
  });
});
