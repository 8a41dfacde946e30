import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { createDirectDialer } from '../../../src/adapters/oci/direct-dialer.ts';
import { failureOf } from '../registry-target.ts';
import { timeLimit } from './support/open.ts';

/** A server on loopback that does with its connections what it is told to. */
async function listen(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
}

const dialer = (port: number, host = '127.0.0.1') =>
  createDirectDialer({ host, port, connectTimeoutMs: 10_000 });

describe('A direct connection', () => {
  it('carries bytes both ways until the other side closes', async () => {
    await using server = await listen((socket) => socket.pipe(socket));
    const stream = await dialer(server.port).dial(timeLimit());
    await stream.write(Buffer.from('hello'));
    for await (const chunk of stream.output) {
      assert.equal(chunk.toString(), 'hello');
      break;
    }
    stream.close();

    await using speaker = await listen((socket) => socket.end('goodbye'));
    const heard = await dialer(speaker.port).dial(timeLimit());
    assert.equal((await buffer(heard.output)).toString(), 'goodbye');
  });

  it('fails when it breaks', async () => {
    await using server = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const stream = await dialer(server.port).dial(timeLimit());
    await stream.write(Buffer.from('hello'));
    const error = await failureOf(buffer(stream.output), 'temporary');
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${server.port} broke`));
  });

  it('says that it was refused', async () => {
    const server = await listen(() => {});
    await server.close();
    const error = await failureOf(dialer(server.port).dial(timeLimit()), 'temporary');
    assert.match(error.message, /refused/);
    assert.notEqual(error.next, '');
  });

  it('says that there is no such host, which trying again does not change', async () => {
    const error = await failureOf(dialer(80, 'no-such-host.invalid').dial(timeLimit()), 'other');
    assert.match(error.message, /name cannot be resolved/);
  });

  it('is given up when nobody wants it any more', async () => {
    const reason = new Error('interrupted');
    await assert.rejects(dialer(1).dial(AbortSignal.abort(reason)), reason);
    await using server = await listen(() => {});
    const control = new AbortController();
    const dialing = dialer(server.port).dial(control.signal);
    control.abort(reason);
    await assert.rejects(dialing, reason);
  });
});
