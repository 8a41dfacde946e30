import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { startSandbox } from '../../scripts/sandbox/index.ts';
import { type Distance, putAway } from '../../scripts/sandbox/latency.ts';
import { ApiClient, platformPath } from './api-client.ts';
import { askRegistry } from './registry-client.ts';

const roundTripMs = 60;

describe('a server that is far away', () => {
  let server: Server;
  let distance: Distance;
  const served: Socket[] = [];
  before(async () => {
    server = createServer((socket) => {
      served.push(socket);
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    distance = await putAway({ port, roundTripMs, listenPort: 0 });
  });
  after(async () => {
    await distance.close();
    server.close();
  });

  async function dial(): Promise<Socket> {
    const socket = connect({ port: distance.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }

  it('takes a round trip to connect, and another one for each question', async () => {
    const socket = await dial();
    for (const wanted of [2 * roundTripMs, roundTripMs, roundTripMs]) {
      const startMs = performance.now();
      socket.write('question');
      await once(socket, 'data');
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= wanted - 2, `${tookMs} ms`);
    }
    socket.destroy();
  });

  it('has no less throughput: everything under way is under way at once', async () => {
    const socket = await dial();
    const sent = randomBytes(8 * 1024 * 1024);
    const startMs = performance.now();
    const received = buffer(socket);
    socket.end(sent);
    assert.ok((await received).equals(sent));
    // A chunk after the other would take minutes.
    assert.ok(performance.now() - startMs < 100 * roundTripMs);
  });

  it('passes on that a connection broke', async () => {
    const socket = await dial();
    socket.write('question');
    await once(socket, 'data');
    served.at(-1)?.resetAndDestroy();
    const [error] = await once(socket, 'error');
    assert.equal(error.code, 'ECONNRESET');
  });
});

it('the API server and the registry are as far away as is asked for', async () => {
  const sandbox = await startSandbox({
    environments: 1,
    revisions: 1,
    legacy: 0,
    rolloutMs: 50,
    apiLatencyMs: 40,
    registryLatencyMs: 80,
  });
  const api = new ApiClient(sandbox);
  try {
    const timed = async (ask: () => Promise<unknown>) => {
      const startMs = performance.now();
      await ask();
      return performance.now() - startMs;
    };
    const look = () => api.ok('GET', `${platformPath}/pods`);
    await look();
    const apiMs = await timed(look);
    assert.ok(apiMs >= 38, `${apiMs} ms`);
    const registryMs = await timed(() => askRegistry(sandbox, '/v2/'));
    assert.ok(registryMs >= 158, `${registryMs} ms with a new connection`);
  } finally {
    api.close();
    await sandbox.stop();
  }
});

it('a latency is no negative number', async () => {
  await assert.rejects(startSandbox({ apiLatencyMs: -1 }), /apiLatencyMs must be a whole number, at least 0/);
});
