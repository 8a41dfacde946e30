/** The lease in the sandbox: taken, refused, taken over. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { after, afterEach, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Sandbox, startSandbox } from '../../../scripts/sandbox/index.ts';
import { RefusedError, UnreachableError } from '../../../src/domain/errors.ts';
import { encodeLease, LEASE_NAME, LeaseLostError, type LeaseRecord } from '../../../src/domain/lease.ts';
import type { HeldLease } from '../../../src/ports.ts';
import { leaseHolder, leaseRecord } from '../../domain/leases.ts';
import { ApiClient } from '../../sandbox/api-client.ts';
import { type StubAnswer, startApiStub, statusAnswer } from './support/api-stub.ts';
import { connect, podSettings, timeLimit } from './support/connection.ts';

const PROGRAM = fileURLToPath(import.meta.resolve('./support/lease-program.ts'));
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/domino-platform/leases';
/** A lease's shortest time is a second. */
const SHORT = {
  leaseDurationMs: 1000,
  leaseMarginMs: 250,
  leaseRenewMs: 100,
  leaseRetryMs: 50,
  leasePollMs: 50,
};
/** Renewed long before a busy machine could be late with it. */
const RENEWED = { ...SHORT, leaseDurationMs: 10_000 };
/** So long that a test would fail before it is over. */
const LONG = { ...SHORT, leaseDurationMs: 600_000 };

let sandbox: Sandbox;
let api: ApiClient;
before(async () => {
  sandbox = await startSandbox({ environments: 1, revisions: 1, legacy: 0 });
  api = new ApiClient(sandbox);
});
after(async () => {
  api.close();
  await sandbox.stop();
});

const held: HeldLease[] = [];
afterEach(async () => {
  for (const lease of held.splice(0)) await lease.release(timeLimit());
  const { code } = await api.call('GET', `${LEASES}/${LEASE_NAME}`);
  if (code === 200) await api.ok('DELETE', `${LEASES}/${LEASE_NAME}`);
});

interface Start {
  readonly times?: typeof SHORT;
  readonly run?: string;
  /** What it is told while it waits. */
  readonly told?: string[];
}

async function port({ times = SHORT, run = 'run-1' }: Start = {}) {
  return (await connect(sandbox.kubeconfig, { times, pod: { ...podSettings, run } })).lease;
}

async function acquire(start: Start = {}): Promise<HeldLease> {
  const lease = await port(start);
  const taken = await lease.acquire({ status: (text) => void start.told?.push(text) }, timeLimit());
  held.push(taken);
  return taken;
}

/** Somebody on another machine has the lease, or had it. */
async function leave(record: LeaseRecord): Promise<void> {
  const { metadata, spec } = encodeLease(record);
  await create(metadata, spec);
}

async function create(metadata: object, spec: object): Promise<void> {
  const body = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: LEASE_NAME, ...metadata },
    spec,
  };
  await api.ok('POST', LEASES, { body });
}

type Program = ChildProcessByStdio<Writable, Readable, null>;

/** Another process that holds the lease as run-1. */
async function startProgram(test: TestContext, times: typeof SHORT) {
  const argv = [PROGRAM, sandbox.kubeconfig, JSON.stringify(times)];
  const program: Program = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  test.after(() => void program.kill('SIGKILL'));
  const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value;
  assert.equal(await line(), 'held');
  return { program, line };
}

async function kill(program: Program): Promise<void> {
  const ended = once(program, 'exit');
  program.kill('SIGKILL');
  await ended;
}

describe('a lease', () => {
  test("is nobody's at first; is taken, told of, renewed and removed", async () => {
    const lease = await port();
    assert.equal(await lease.find(timeLimit()), undefined);
    const taken = await acquire({ times: LONG });
    assert.equal(taken.takenOver, undefined);
    const record = await lease.find(timeLimit());
    assert.equal(record?.holder.run, 'run-1');
    assert.equal(record?.holder.by, 'ann@laptop');
    assert.equal(record?.holder.pid, process.pid);
    assert.equal(record?.durationSeconds, 600);
    await taken.confirm(timeLimit());
    assert.notEqual((await lease.find(timeLimit()))?.renewedAt, record?.renewedAt);
    taken.requireHeld();
    await taken.release(timeLimit());
    assert.equal(await lease.find(timeLimit()), undefined);
  });

  test('keeps the setting until it is removed', async () => {
    const taken = await acquire({ times: LONG });
    await taken.keepSetting('{"run":"run-1"}', timeLimit());
    const lease = await port();
    assert.equal((await lease.find(timeLimit()))?.setting, '{"run":"run-1"}');
    await taken.keepSetting(undefined, timeLimit());
    assert.equal((await lease.find(timeLimit()))?.setting, undefined);
  });

  test('is refused to others while it is renewed', async () => {
    const taken = await acquire({ times: RENEWED });
    const told: string[] = [];
    await assert.rejects(acquire({ run: 'run-2', told }), (error: unknown) => {
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, /since 20.*: run run-1 of ann@laptop \(process \d+ on .+\)/);
      assert.notEqual(error.next, '');
      return true;
    });
    assert.match(told.join(), /seeing for 10 s whether that is still at work/);
    taken.requireHeld();
  });

  test('goes to one of those who start together', async () => {
    for (let round = 0; round < 5; round += 1) {
      const runs = ['run-1', 'run-2'];
      const starts = await Promise.allSettled(runs.map((run) => acquire({ run, times: RENEWED })));
      const winners = starts.filter(({ status }) => status === 'fulfilled');
      const [loser] = starts.filter((start) => start.status === 'rejected');
      assert.equal(winners.length, 1);
      assert.ok(loser?.reason instanceof RefusedError);
      await held.pop()?.release(timeLimit());
    }
  });

  test('whose creation got no answer is ours', async () => {
    let created: StubAnswer | undefined;
    await using stub = await startApiStub({
      answer({ method, body }) {
        if (method !== 'POST') return created ?? statusAnswer(404, 'NotFound', 'there is none');
        if (created) return statusAnswer(409, 'AlreadyExists', 'there is one');
        const { metadata, spec } = body as { metadata: object; spec: object };
        created = { body: { metadata: { ...metadata, uid: 'uid-1', resourceVersion: '1' }, spec } };
        return 'cut';
      },
    });
    const { lease } = await connect(stub.kubeconfig);
    (await lease.acquire({ status() {} }, timeLimit())).requireHeld();
    assert.deepEqual(
      stub.requests.map(({ method }) => method),
      ['POST', 'POST', 'GET'],
    );
  });

  test('that cannot be taken for lack of a permission is told with the rule', async () => {
    const denials = [{ verb: 'create', resource: 'leases' }];
    await sandbox.faults.inject({ fault: 'deny', denials });
    try {
      await assert.rejects(acquire(), (error: unknown) => {
        assert.ok(error instanceof UnreachableError && error.forbidden);
        assert.match(error.next, /apiGroups: \["coordination.k8s.io"\]/);
        return true;
      });
    } finally {
      await sandbox.faults.inject({ fault: 'deny', denials: [] });
    }
  });
});

describe('what another machine has left', () => {
  const LEFT = leaseRecord({ holder: leaseHolder({ by: 'bob@desk', pid: process.pid }), durationSeconds: 1 });

  test('is taken over when nothing has changed for its time, with its setting', async () => {
    await leave({ ...LEFT, setting: 'previous' });
    const taken = await acquire({ run: 'run-2', times: LONG });
    assert.deepEqual(taken.takenOver, { ...LEFT, setting: 'previous' });
    assert.equal(taken.setting, 'previous');
    const now = await (await port()).find(timeLimit());
    assert.equal(now?.holder.run, 'run-2');
    assert.equal(now?.setting, 'previous');
  });

  test('is waited for also by the same run: its process may live', async () => {
    await leave(LEFT);
    const told: string[] = [];
    const taken = await acquire({ told, times: LONG });
    assert.equal(told.length, 1);
    assert.deepEqual(taken.takenOver, LEFT);
  });

  test('is not judged by its times, in the past or in the future', async () => {
    await leave({ ...LEFT, renewedAt: '2099-01-01T00:00:00.000Z' });
    assert.equal((await acquire({ times: LONG })).takenOver?.renewedAt, '2099-01-01T00:00:00.000Z');
  });

  test('is taken over by one of those who wait for it', async () => {
    await leave(LEFT);
    const starts = await Promise.allSettled(['run-2', 'run-3'].map((run) => acquire({ run })));
    assert.deepEqual(starts.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    const refused = starts.find((start) => start.status === 'rejected');
    assert.ok(refused?.reason instanceof RefusedError);
  });

  test('is refused when it is let go of meanwhile: its holder was alive', async () => {
    await leave({ ...LEFT, durationSeconds: 600 });
    const lease = await port({ times: LONG });
    // Nobody is told to wait before the lease was seen.
    const status = () => void api.ok('DELETE', `${LEASES}/${LEASE_NAME}`);
    await assert.rejects(lease.acquire({ status }, timeLimit()), (error: unknown) => {
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, /has just ended: run .* of bob@desk/);
      return true;
    });
    assert.equal(await lease.find(timeLimit()), undefined);
  });

  test('is not waited for any longer after an interruption', async () => {
    await leave({ ...LEFT, durationSeconds: 600 });
    const interruption = new AbortController();
    const reason = new Error('interrupted');
    const lease = await port();
    const status = () => interruption.abort(reason);
    await assert.rejects(lease.acquire({ status }, interruption.signal), reason);
    assert.deepEqual((await lease.find(timeLimit()))?.holder, LEFT.holder);
  });

  test('is left alone when another program has made it', async () => {
    await create({}, { holderIdentity: 'controller-1', leaseDurationSeconds: 1 });
    await assert.rejects(acquire(), /was not written by this program/);
    await assert.rejects((await port()).find(timeLimit()), RefusedError);
    const object = await api.ok('GET', `${LEASES}/${LEASE_NAME}`);
    assert.partialDeepStrictEqual(object, { spec: { holderIdentity: 'controller-1' } });
  });
});

describe('what another process of this machine has left', () => {
  test('is taken over at once by the same run, when it was killed', async (test) => {
    const { program } = await startProgram(test, LONG);
    await kill(program);
    const told: string[] = [];
    const taken = await acquire({ told, times: LONG });
    assert.deepEqual([taken.takenOver, told], [undefined, []]);
  });

  test('is taken over at once by any other run, which learns whose it was', async (test) => {
    const { program } = await startProgram(test, LONG);
    await kill(program);
    const taken = await acquire({ run: 'recover', times: LONG });
    assert.equal(taken.takenOver?.holder.pid, program.pid);
  });

  test('is not taken from it while it lives, also by the same run', async (test) => {
    const { program, line } = await startProgram(test, RENEWED);
    await assert.rejects(acquire(), RefusedError);
    program.stdin.write('?\n');
    assert.equal(await line(), 'yes');
    program.stdin.end();
    assert.equal(await line(), 'released');
  });

  test('is not its own any more, when it was stopped for too long and goes on', async (test) => {
    const { program, line } = await startProgram(test, SHORT);
    program.kill('SIGSTOP');
    const taken = await acquire({ run: 'run-2', times: LONG });
    assert.equal(taken.takenOver?.holder.pid, program.pid);
    program.stdin.write('?\n');
    program.kill('SIGCONT');
    assert.match(String(await line()), /^LeaseLostError: /);
    program.stdin.end();
    assert.equal(await line(), 'released');
    taken.requireHeld();
    await taken.confirm(timeLimit());
  });
});

test('a lease that was taken away by hand is noticed', async () => {
  const taken = await acquire();
  await api.ok('DELETE', `${LEASES}/${LEASE_NAME}`);
  await once(taken.lost, 'abort');
  assert.ok(taken.lost.reason instanceof LeaseLostError);
  await taken.confirm(timeLimit());
  assert.throws(() => taken.requireHeld(), LeaseLostError);
});
