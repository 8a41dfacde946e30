import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { WebSocket } from 'ws';
import type { RegistryPort } from '../../../src/adapters/kubernetes/port-forward.ts';
import { RefusedError, RegistryError, type RegistryFailure } from '../../../src/domain/errors.ts';
import { type StubAnswer, type StubBehaviour, startApiStub, statusAnswer } from './support/api-stub.ts';
import { connect, timeLimit } from './support/connection.ts';
import { isTemporary, testDialer } from './support/dialer-contract.ts';

testDialer("a connection to the registry's own pod", {
  async dialer(sandbox) {
    return (await connect(sandbox.kubeconfig)).portForward({ port: 5000 });
  },
  drop: { fault: 'dropForward' },
  losePod: { fault: 'losePod', pod: 'docker-registry-0' },
});

interface StubPod {
  readonly name: string;
  readonly ready?: boolean;
  readonly terminating?: boolean;
}

interface StubCluster {
  /** Takes over a port-forward's socket. Without it the handshake is answered with `refusal`. */
  readonly forward?: (socket: WebSocket, query: URLSearchParams) => void;
  readonly refusal?: StubAnswer;
  /** Ports that the registry's container declares. */
  readonly ports?: readonly number[];
  readonly containers?: readonly object[];
  readonly pods?: readonly StubPod[];
  readonly times?: object;
  readonly stub?: Partial<StubBehaviour>;
}

/** A cluster with the workload `docker-registry` and its pods, and a way to dial its registry at port 5000. */
async function startCluster(cluster: StubCluster) {
  const { forward, ports = [5000], pods = [{ name: 'docker-registry-0' }] } = cluster;
  const containers = cluster.containers ?? [
    { name: 'registry', ports: ports.map((containerPort) => ({ containerPort })) },
  ];
  const workload = {
    kind: 'StatefulSet',
    metadata: { name: 'docker-registry', namespace: 'domino-platform', uid: 'set-1' },
    spec: { selector: { matchLabels: { app: 'registry' } }, template: { spec: { containers } } },
  };
  const podOf = ({ name, ready = true, terminating = false }: StubPod) => ({
    metadata: {
      name,
      ownerReferences: [{ kind: 'StatefulSet', uid: 'set-1', controller: true }],
      ...(terminating && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { containers },
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', message: 'still warming up' }],
    },
  });
  const api = await startApiStub({
    answer({ path }) {
      if (path.endsWith('/portforward')) return cluster.refusal ?? 'cut';
      return { body: path.endsWith('/pods') ? { items: pods.map(podOf) } : workload };
    },
    ...(forward && { exec: forward }),
    protocols: ['v4.channel.k8s.io'],
    ...cluster.stub,
  });
  const connection = await connect(api.kubeconfig, { times: cluster.times ?? {} });
  return {
    api,
    dial: (registry: Partial<RegistryPort> = {}, signal = timeLimit()) =>
      connection.portForward({ port: 5000, ...registry }).dial(signal),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

function send(socket: WebSocket, channel: number, ...content: number[]): void {
  socket.send(Buffer.of(channel, ...content));
}

/** Opens both channels of port 5000. */
function openChannels(socket: WebSocket): void {
  for (const channel of [0, 1]) send(socket, channel, 0x88, 0x13);
}

function isFailure(failure: RegistryFailure, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof RegistryError, String(error));
    assert.equal(error.failure, failure);
    assert.match(error.message, message);
    return true;
  };
}

describe('the port to forward', () => {
  /** The port that is asked for, with these ports declared. */
  async function askedPort(ports: readonly number[], registry: Partial<RegistryPort> = {}) {
    let asked: string[] = [];
    const forward = (socket: WebSocket, query: URLSearchParams) => {
      asked = query.getAll('ports');
      openChannels(socket);
    };
    await using cluster = await startCluster({ forward, ports });
    (await cluster.dial(registry)).close();
    return asked;
  }

  test("is the registry's own, if its container declares it", async () => {
    assert.deepEqual(await askedPort([5001, 5000]), ['5000']);
  });

  test('is the only one that the container declares, wherever the Service listens', async () => {
    assert.deepEqual(await askedPort([5001]), ['5001']);
    assert.deepEqual(await askedPort([5001], { port: 80 }), ['5001']);
  });

  test('is the one that is asked for', async () => {
    assert.deepEqual(await askedPort([], { containerPort: 7000 }), ['7000']);
  });

  test('has to be asked for when it is not clear', async () => {
    for (const ports of [[], [80, 443]]) {
      const attempt = askedPort(ports);
      const error = await attempt.catch((caught) => caught);
      isFailure('other', /not clear on which port/)(error);
      assert.match(error.next, /--registry-container-port/);
    }
  });

  test('belongs to the container that is the registry', async () => {
    const containers = [
      { name: 'proxy', ports: [{ containerPort: 443 }] },
      { name: 'store', ports: [{ containerPort: 5001 }] },
    ];
    let asked: string[] = [];
    const forward = (socket: WebSocket, query: URLSearchParams) => {
      asked = query.getAll('ports');
      openChannels(socket);
    };
    await using cluster = await startCluster({ forward, containers });
    await assert.rejects(cluster.dial(), RefusedError);
    (await cluster.dial({ container: 'store' })).close();
    assert.deepEqual(asked, ['5001']);
  });
});

describe('the pod to dial', () => {
  test('is ready and stays, and always the same one', async () => {
    const pods = [
      { name: 'docker-registry-3' },
      { name: 'docker-registry-2' },
      { name: 'docker-registry-1', ready: false },
      { name: 'docker-registry-0', terminating: true },
    ];
    await using cluster = await startCluster({ pods, refusal: statusAnswer(404, 'NotFound', 'gone') });
    for (let count = 0; count < 2; count++) await assert.rejects(cluster.dial(), isTemporary);
    const asked = cluster.api.requests
      .map(({ path }) => path)
      .filter((path) => path.endsWith('/portforward'));
    assert.deepEqual(
      new Set(asked),
      new Set(['/api/v1/namespaces/domino-platform/pods/docker-registry-2/portforward']),
    );
  });

  test('is missing as long as none is ready', async () => {
    await using cluster = await startCluster({ pods: [{ name: 'docker-registry-0', ready: false }] });
    const message = /^No pod of StatefulSet docker-registry in namespace domino-platform is ready \(.*\)\.$/;
    await assert.rejects(cluster.dial(), isFailure('temporary', message));
  });
});

describe('a port-forward that is refused', () => {
  const refusals: [number, RegistryFailure][] = [
    [400, 'temporary'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'temporary'],
    [500, 'temporary'],
  ];
  for (const [status, failure] of refusals)
    test(`with ${status} is ${failure}, in the server’s words`, async () => {
      await using cluster = await startCluster({
        refusal: statusAnswer(status, 'Whatever', 'its own words'),
      });
      await assert.rejects(
        cluster.dial(),
        isFailure(failure, new RegExp(`answered ${status} .*: its own words`)),
      );
    });

  test('names the rule to add', async () => {
    await using cluster = await startCluster({ refusal: statusAnswer(403, 'Forbidden', 'no') });
    const error = await cluster.dial().catch((caught) => caught);
    assert.match(
      error.next,
      /pods\/portforward"\]\n {4}resourceNames: \["docker-registry-0"\]\n {4}verbs: \["create", "get"\]/,
    );
  });

  test('by the kubelet, in plain text', async () => {
    const refusal = { status: 500, headers: { 'content-type': 'text/plain' }, body: 'pod not found' };
    await using cluster = await startCluster({ refusal });
    await assert.rejects(cluster.dial(), isFailure('temporary', /answered 500 .*: pod not found$/));
  });

  test('by silence, before or after the handshake', async () => {
    const times = { requestTimeoutMs: 1000 };
    await using silent = await startCluster({ refusal: 'hang', times });
    await assert.rejects(silent.dial(), isFailure('temporary', /did not answer in time/));
    await using half = await startCluster({ forward: (socket) => send(socket, 0, 0x88, 0x13), times });
    await assert.rejects(half.dial(), isFailure('temporary', /broke: it did not open within 1 s/));
  });
});

describe('a forwarded connection', () => {
  test('may open its channels byte by byte, with data close behind', async () => {
    await using cluster = await startCluster({
      forward(socket) {
        send(socket, 1, 0x88);
        send(socket, 0);
        send(socket, 0, 0x88);
        send(socket, 1, 0x13);
        send(socket, 0, 0x13, 0x41);
        send(socket, 0, 0x42);
        socket.close(1000);
      },
    });
    const { output } = await cluster.dial();
    assert.equal((await buffer(output)).toString(), 'AB');
  });

  test('that nobody accepts fails in the kubelet’s words, with the good-bye too', async () => {
    await using cluster = await startCluster({
      forward(socket) {
        openChannels(socket);
        send(socket, 1, ...Buffer.from('error forwarding port 5000: '));
        send(socket, 1, ...Buffer.from('connection refused'));
        socket.close(1000);
      },
    });
    const stream = await cluster.dial();
    const message =
      /port 5000 of pod docker-registry-0 in namespace domino-platform broke: error forwarding port 5000: connection refused$/;
    await assert.rejects(buffer(stream.output), isFailure('temporary', message));
    await assert.rejects(stream.write(Buffer.from('late')), isFailure('temporary', message));
  });

  for (const [how, end] of [
    ['cut', (socket: WebSocket) => socket.terminate()],
    ['closed without being done', (socket: WebSocket) => socket.close(1011)],
  ] as const)
    test(`that is ${how} fails, after all that came`, async () => {
      await using cluster = await startCluster({
        forward(socket) {
          openChannels(socket);
          socket.send(Buffer.from('\0half'), () => socket.once('message', () => end(socket)));
        },
      });
      const stream = await cluster.dial();
      const chunks = stream.output[Symbol.asyncIterator]();
      assert.equal((await chunks.next()).value.toString(), 'half');
      await stream.write(Buffer.from('now'));
      await assert.rejects(chunks.next(), isFailure('temporary', /broke/));
    });

  test('whose other side falls silent is broken; one that answers pings is not', async () => {
    const times = { pingIntervalMs: 10, silenceLimitMs: 100 };
    await using silent = await startCluster({ forward: openChannels, times, stub: { answersPings: false } });
    await assert.rejects(buffer((await silent.dial()).output), isFailure('temporary', /nothing was heard/));
    await using idle = await startCluster({
      forward(socket) {
        openChannels(socket);
        let pings = 0;
        socket.on('ping', () => ++pings === 20 && socket.close(1000));
      },
      times,
    });
    assert.equal((await buffer((await idle.dial()).output)).length, 0);
  });

  test('is held back while nobody reads, and loses nothing', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const chunks = 320;
    let connection: WebSocket | undefined;
    await using cluster = await startCluster({
      forward(socket) {
        connection = socket;
        openChannels(socket);
        for (let sent = 0; sent < chunks; sent++) socket.send(Buffer.concat([Buffer.of(0), chunk]));
        socket.close(1000);
      },
    });
    const { output } = await cluster.dial();
    const first = output[Symbol.asyncIterator]();
    await first.next();
    assert.ok((connection?.bufferedAmount ?? 0) > 0, 'the sender is held back');
    assert.equal((await buffer(output)).length + chunk.length, chunk.length * chunks);
  });

  test('sends long input in parts that a server takes', async () => {
    const lengths: number[] = [];
    const input = Buffer.alloc(100_000, 'y');
    let whole = () => {};
    const arrived = new Promise<void>((resolve) => {
      whole = resolve;
    });
    await using cluster = await startCluster({
      forward(socket) {
        openChannels(socket);
        socket.on('message', (data: Buffer) => {
          assert.equal(data[0], 0);
          lengths.push(data.length - 1);
          if (lengths.reduce((sum, length) => sum + length) === input.length) whole();
        });
      },
    });
    const stream = await cluster.dial();
    await stream.write(input);
    await arrived;
    assert.ok(Math.max(...lengths) <= 32 * 1024);
    stream.close();
  });

  test('ends for the server, too, when it is closed', async () => {
    let closed: Promise<unknown> | undefined;
    await using cluster = await startCluster({
      forward(socket) {
        closed = once(socket, 'close');
        openChannels(socket);
      },
    });
    (await cluster.dial()).close();
    await closed;
  });
});
