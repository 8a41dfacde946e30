import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { WebSocket } from 'ws';
import { RegistryError } from '../../../src/domain/errors.ts';
import { type StubBehaviour, startApiStub, statusAnswer } from './support/api-stub.ts';
import { connect, timeLimit } from './support/connection.ts';
import { livePod } from './support/live-pod.ts';

const SUCCESS = { status: 'Success' };

function send(socket: WebSocket, channel: number, content: string | object): void {
  const data = typeof content === 'string' ? content : JSON.stringify(content);
  socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(data)]));
}

async function startShell(exec: StubBehaviour['exec'], more: Partial<StubBehaviour> = {}, times = {}) {
  const api = await startApiStub({ answer: () => livePod(), ...(exec && { exec }), ...more });
  const { podShell } = await connect(api.kubeconfig, { times });
  return {
    api,
    open: (argv: string[] = ['true'], signal = timeLimit()) => podShell.open(argv, signal),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

function isFailure(failure: string, message = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof RegistryError, String(error));
    assert.equal(error.failure, failure);
    assert.match(error.message, message);
    return true;
  };
}

describe('a command in the pod', () => {
  test('is asked for in the container, argument by argument', async () => {
    let asked = new URLSearchParams();
    await using shell = await startShell((socket, query) => {
      asked = query;
      send(socket, 3, SUCCESS);
    });
    await (await shell.open(['sh', '-c', 'echo "a b" & x=1'])).exit;
    assert.deepEqual(asked.getAll('command'), ['sh', '-c', 'echo "a b" & x=1']);
    assert.equal(asked.get('container'), 'skopeo');
    assert.deepEqual(
      [asked.get('stdin'), asked.get('stdout'), asked.get('stderr')],
      ['true', 'true', 'true'],
    );
  });

  for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
    test(`talks ${protocol}: input, output, the end of errors, exit status`, async () => {
      const exec = (socket: WebSocket) => {
        for (const channel of [1, 2, 3]) send(socket, channel, '');
        socket.on('message', (data: Buffer) => {
          assert.equal(data[0], 0);
          send(socket, 1, `got ${data.subarray(1)}`);
          send(socket, 2, `${'x'.repeat(5000)}the end`);
          send(socket, 3, {
            status: 'Failure',
            details: { causes: [{ reason: 'ExitCode', message: '3' }] },
          });
        });
      };
      await using shell = await startShell(exec, { protocols: [protocol] });
      const session = await shell.open();
      assert.equal(session.place, 'pod-1');
      await session.write('héllo');
      assert.equal(await text(session.output), 'got héllo');
      assert.equal(await session.exit, 3);
      assert.equal(session.errors().length, 4096);
      assert.match(session.errors(), /the end$/);
    });

  test('holds output back while nobody reads, and loses none of it', async () => {
    const chunk = 'x'.repeat(64 * 1024);
    const chunks = 320;
    let connection: WebSocket | undefined;
    await using shell = await startShell((socket) => {
      connection = socket;
      for (let sent = 0; sent < chunks; sent++) send(socket, 1, chunk);
      send(socket, 3, SUCCESS);
    });
    const session = await shell.open();
    const ended = await Promise.race([
      session.exit.then(() => true),
      once(session.output as never, 'readable').then(() => false),
    ]);
    assert.equal(ended, false);
    assert.ok((connection?.bufferedAmount ?? 0) > 0, 'the sender is held back');
    let length = 0;
    for await (const part of session.output) length += part.length;
    assert.equal(length, chunk.length * chunks);
    assert.equal(await session.exit, 0);
  });

  test('tells its exit status also to whoever stops reading', async () => {
    await using shell = await startShell((socket) => {
      for (let sent = 0; sent < 100; sent++) send(socket, 1, 'x'.repeat(64 * 1024));
      send(socket, 3, SUCCESS);
    });
    const session = await shell.open();
    for await (const _ of session.output) break;
    assert.equal(await session.exit, 0);
  });

  test('sends long input in parts that a server takes', async () => {
    const lengths: number[] = [];
    const input = 'y'.repeat(100_000);
    await using shell = await startShell((socket) => {
      let length = 0;
      socket.on('message', (data: Buffer) => {
        lengths.push(data.length);
        length += data.length - 1;
        if (length === input.length) send(socket, 3, SUCCESS);
      });
    });
    const session = await shell.open();
    await session.write(input);
    assert.equal(await session.exit, 0);
    assert.ok(Math.max(...lengths) <= 32 * 1024 + 1);
  });
});

describe('a command without an exit status', () => {
  test('whose connection closed: may be still running, another try can help', async () => {
    await using shell = await startShell((socket) => {
      send(socket, 1, 'half');
      socket.close();
    });
    const session = await shell.open();
    assert.equal(await text(session.output), 'half');
    await assert.rejects(session.exit, isFailure('temporary', /broke before its end/));
    await assert.rejects(session.write('more'), isFailure('temporary'));
  });

  test('whose connection was cut', async () => {
    await using shell = await startShell((socket) => socket.terminate());
    await assert.rejects((await shell.open()).exit, isFailure('temporary'));
  });

  test('whose other side has fallen silent', async () => {
    const times = { pingIntervalMs: 20, silenceLimitMs: 60 };
    await using shell = await startShell(() => {}, { answersPings: false }, times);
    await assert.rejects((await shell.open()).exit, isFailure('temporary', /nothing was heard/));
  });

  test('may take its time to be established', async () => {
    const times = { pingIntervalMs: 10, silenceLimitMs: 100 };
    await using shell = await startShell(
      (socket) => send(socket, 3, SUCCESS),
      { handshakeDelayMs: 200 },
      times,
    );
    assert.equal(await (await shell.open()).exit, 0);
  });

  test('is left alone as long as pings are answered', async () => {
    const times = { pingIntervalMs: 10, silenceLimitMs: 100 };
    await using shell = await startShell(
      (socket) => {
        let pings = 0;
        socket.on('ping', () => ++pings === 20 && send(socket, 3, SUCCESS));
      },
      {},
      times,
    );
    assert.equal(await (await shell.open()).exit, 0);
  });

  test('is left alone when it is this program that stood still', async () => {
    const times = { pingIntervalMs: 20, silenceLimitMs: 200 };
    const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    await using shell = await startShell(
      (socket) => {
        socket.once('ping', () => {
          standStill(2 * times.silenceLimitMs);
          socket.once('ping', () => send(socket, 3, SUCCESS));
        });
      },
      {},
      times,
    );
    assert.equal(await (await shell.open()).exit, 0);
  });

  test('may be silent for longer than a request may take', async () => {
    const times = { requestTimeoutMs: 1000, pingIntervalMs: 1500 };
    await using shell = await startShell(
      (socket) => socket.once('ping', () => send(socket, 3, SUCCESS)),
      {},
      times,
    );
    assert.equal(await (await shell.open()).exit, 0);
  });

  test('that was given up: rejects with the signal’s reason', async () => {
    await using shell = await startShell(() => {});
    const controller = new AbortController();
    const session = await shell.open(['sleep', '9'], controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(session.exit, reason);
    await assert.rejects(session.write('x'), reason);
    assert.equal(await text(session.output), '');
  });

  test('that was closed', async () => {
    await using shell = await startShell(() => {});
    const session = await shell.open();
    session.close();
    await assert.rejects(session.exit, isFailure('temporary'));
  });

  const cannotStart = (why: string) => (socket: WebSocket) =>
    send(socket, 3, { status: 'Failure', reason: 'InternalError', code: 500, message: why });

  test('whose program is not there: will not be next time', async () => {
    await using shell = await startShell(
      cannotStart('exec: "nope": executable file not found in $PATH\u0007'),
    );
    await assert.rejects(
      (await shell.open(['nope'])).exit,
      isFailure('other', /does not start in pod .*: exec: "nope": executable file not found in \$PATH$/),
    );
  });

  test('that did not get as far as its program: another try can help', async () => {
    await using shell = await startShell(cannotStart('dial tcp 10.0.0.1:10250: connect: connection refused'));
    await assert.rejects(
      (await shell.open()).exit,
      isFailure('temporary', /does not start in pod .*: dial tcp .* connection refused$/),
    );
  });
});

describe('an exec that is refused', () => {
  const refusals: [number, string][] = [
    [400, 'temporary'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'temporary'],
    [500, 'temporary'],
    [418, 'other'],
  ];
  for (const [status, failure] of refusals)
    test(`with ${status} is ${failure}, in the server’s words`, async () => {
      const answer = ({ path }: { path: string }) =>
        path.endsWith('/exec') ? statusAnswer(status, 'Whatever', 'its own words') : livePod();
      await using shell = await startShell(undefined, { answer });
      await assert.rejects(
        shell.open(),
        isFailure(failure, new RegExp(`answered ${status} .*: its own words`)),
      );
    });

  test('names the rule to add', async () => {
    const answer = ({ path }: { path: string }) =>
      path.endsWith('/exec') ? statusAnswer(403, 'Forbidden', 'no') : livePod();
    await using shell = await startShell(undefined, { answer });
    const error = await shell.open().catch((caught) => caught);
    assert.match(
      error.next,
      /pods\/exec"\]\n {4}resourceNames: \["docker-registry-cleaner"\]\n {4}verbs: \["create", "get"\]/,
    );
  });

  test('by silence has a time limit', async () => {
    const answer = ({ path }: { path: string }) => (path.endsWith('/exec') ? 'hang' : livePod());
    await using shell = await startShell(undefined, { answer }, { requestTimeoutMs: 1000 });
    await assert.rejects(shell.open(), isFailure('temporary', /did not answer in time/));
  });

  test('by a server that speaks no known protocol', async () => {
    await using shell = await startShell(() => {}, { protocols: [] });
    await assert.rejects(shell.open(), isFailure('other', /subprotocol/i));
  });
});
