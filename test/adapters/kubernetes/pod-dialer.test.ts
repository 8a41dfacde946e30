import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { type Sandbox, startSandbox } from '../../../scripts/sandbox/index.ts';
import { createPodDialer } from '../../../src/adapters/kubernetes/pod-dialer.ts';
import { createLocalShell } from '../../../src/adapters/local-shell.ts';
import { RegistryError, type RegistryFailure } from '../../../src/domain/errors.ts';
import type { Dialer, Shell } from '../../../src/ports.ts';
import { connect, timeLimit } from './support/connection.ts';
import { isTemporary, testDialer } from './support/dialer-contract.ts';
import { rawHttp } from './support/raw-http.ts';

async function podDialer(sandbox: Sandbox): Promise<Dialer> {
  const { podShell } = await connect(sandbox.kubeconfig);
  return createPodDialer(podShell, addressOf(sandbox));
}

/** No two runs bear the same ID: where there are no namespaces, the tunnels of all tests run side by side. */
const RUN = randomUUID();

function addressOf({ registry }: Sandbox) {
  const [host = '', port] = registry.split(':');
  return { host, port: Number(port), run: RUN };
}

testDialer('a connection through the Skopeo pod', {
  dialer: podDialer,
  drop: { fault: 'dropExec' },
  losePod: { fault: 'losePod', pod: 'docker-registry-cleaner' },
});

const small = { environments: 1, revisions: 1, legacy: 0, rolloutMs: 50, podStartMs: 20 };

test('an API server that speaks v4 only: the tunnel ends with the registry’s connection', async () => {
  const sandbox = await startSandbox({ ...small, execV5: false });
  try {
    const stream = await (await podDialer(sandbox)).dial(timeLimit());
    assert.equal((await rawHttp(stream, sandbox)('GET /v2/')).status, 200);
    await stream.write(Buffer.from('GET /v2/ HTTP/1.1\r\nhost: registry\r\nconnection: close\r\n\r\n'));
    assert.match((await buffer(stream.output)).toString(), /^HTTP\/1\.1 401 /);
  } finally {
    await sandbox.stop();
  }
});

/** How many shells with a tunnel to the registry's port run in the pod. */
async function countTunnels(shell: Shell, { host, port }: { host: string; port: number }): Promise<number> {
  const session = await shell.open(['ps', '-A', '-ww', '-o', 'args='], timeLimit());
  const processes = (await buffer(session.output)).toString();
  return processes.split(` ${host} ${port} `).length - 1;
}

test('a kubelet that is away for a moment is not taken for an image without bash', async () => {
  const sandbox = await startSandbox(small);
  try {
    const dialer = await podDialer(sandbox);
    await sandbox.faults.inject({ fault: 'refuseExec' });
    await assert.rejects(
      dialer.dial(timeLimit()),
      isFailure('temporary', /^The command does not start in pod .*:10250: connect: connection refused$/),
    );
    assert.equal((await rawHttp(await dialer.dial(timeLimit()), sandbox)('GET /v2/')).status, 200);
  } finally {
    await sandbox.stop();
  }
});

test('what cut and closed connections leave in the pod is ended by the next dial', async () => {
  const sandbox = await startSandbox(small);
  try {
    const { podShell } = await connect(sandbox.kubeconfig);
    const tunnels = () => countTunnels(podShell, addressOf(sandbox));
    const dialer = createPodDialer(podShell, addressOf(sandbox));
    const stream = await dialer.dial(timeLimit());
    const closed = await dialer.dial(timeLimit());
    assert.equal(await tunnels(), 2);
    const ends = [stream, closed].map(({ output }) => assert.rejects(buffer(output), isTemporary));
    closed.close();
    await sandbox.faults.inject({ fault: 'dropExec' });
    await Promise.all(ends);
    assert.equal(await tunnels(), 2, 'the processes outlive their sockets');
    const next = await dialer.dial(timeLimit());
    assert.equal((await rawHttp(next, sandbox)('GET /v2/')).status, 200);
    const signal = timeLimit();
    while ((await tunnels()) > 1) signal.throwIfAborted();
    assert.equal((await rawHttp(next, sandbox)('GET /v2/')).status, 200);
  } finally {
    await sandbox.stop();
  }
});

test('what an earlier program of the run has left in the pod is ended by the first dial, and nothing else', async () => {
  const sandbox = await startSandbox(small);
  try {
    const { podShell } = await connect(sandbox.kubeconfig);
    const dialerOf = (run: string) => createPodDialer(podShell, { ...addressOf(sandbox), run });
    const other = await dialerOf(randomUUID()).dial(timeLimit());
    const earlier = await dialerOf(RUN).dial(timeLimit());
    const dialer = dialerOf(RUN);
    const [one, two] = await Promise.all([dialer.dial(timeLimit()), dialer.dial(timeLimit())]);
    await assert.rejects(buffer(earlier.output), isTemporary);
    for (const stream of [one, two, other, await dialer.dial(timeLimit())])
      assert.equal((await rawHttp(stream, sandbox)('GET /v2/')).status, 200);
    assert.equal(await countTunnels(podShell, addressOf(sandbox)), 4);
  } finally {
    await sandbox.stop();
  }
});

function isFailure(failure: RegistryFailure, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof RegistryError, String(error));
    assert.equal(error.failure, failure);
    assert.match(error.message, message);
    assert.notEqual(error.next, '');
    return true;
  };
}

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A command that prints `output`, then waits, or ends with `status`. */
function fakeShell({
  output = '',
  status,
  failure,
}: Partial<Record<'output', string>> & { status?: number; failure?: RegistryError }): Shell {
  return {
    async open() {
      const exit = Promise.withResolvers<number>();
      exit.promise.catch(() => {});
      if (failure) exit.reject(failure);
      if (status !== undefined) exit.resolve(status);
      async function* printed() {
        yield Buffer.from(output);
        await exit.promise.catch(() => {});
      }
      return {
        place: 'pod-1',
        write: async () => {},
        output: printed(),
        exit: exit.promise,
        errors: () => '',
        close: () => exit.reject(new RegistryError('closed', { failure: 'temporary' })),
      };
    },
  };
}

describe('a registry that cannot be dialled', () => {
  test('because nobody listens: in bash’s words, another try can help', async () => {
    await using shell = createLocalShell();
    const dialer = createPodDialer(shell, { host: '127.0.0.1', port: await freePort(), run: RUN });
    await assert.rejects(
      dialer.dial(timeLimit()),
      isFailure('temporary', /: connect: Connection refused\.$/),
    );
  });

  test('because its name is unknown; nothing of the name is ever shell text', async () => {
    await using shell = createLocalShell();
    const dialer = createPodDialer(shell, { host: '$(echo oops >&2)";oops', port: 5000, run: RUN });
    await assert.rejects(dialer.dial(timeLimit()), isFailure('temporary', /: \$\(echo oops >&2\)";oops: /));
  });

  test('because the image has no bash', async () => {
    for (const status of [126, 127]) {
      const dialer = createPodDialer(fakeShell({ status }), { host: 'registry', port: 5000, run: RUN });
      await assert.rejects(dialer.dial(timeLimit()), isFailure('other', /has no bash/));
    }
    const failure = new RegistryError('exec: "bash": not found', { failure: 'other' });
    const dialer = createPodDialer(fakeShell({ failure }), { host: 'registry', port: 5000, run: RUN });
    await assert.rejects(
      dialer.dial(timeLimit()),
      isFailure('other', /has no bash.*: exec: "bash": not found/),
    );
  });

  test('because it never answers', async () => {
    const shell = fakeShell({ output: '17\n' });
    const dialer = createPodDialer(shell, { host: 'registry', port: 5000, run: RUN, dialTimeoutMs: 20 });
    await assert.rejects(
      dialer.dial(timeLimit()),
      isFailure('temporary', /did not accept .* within 0\.02 s/),
    );
  });
});

test('an IPv6 address is dialled without its brackets', async () => {
  const server = createServer((socket) => socket.end('hello')).listen(0, '::1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await using shell = createLocalShell();
  const { output } = await createPodDialer(shell, { host: '[::1]', port, run: RUN }).dial(timeLimit());
  assert.equal((await buffer(output)).toString(), 'hello');
  server.close();
});
