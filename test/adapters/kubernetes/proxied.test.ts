import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { ApiError } from '../../../src/adapters/kubernetes/api-error.ts';
import { startApiStub } from './support/api-stub.ts';
import { startConnectProxy } from './support/connect-proxy.ts';
import { connect, timeLimit } from './support/connection.ts';
import { livePod } from './support/live-pod.ts';

const NAMESPACE = { body: { metadata: { uid: 'cluster-1' } } };

describe('through a proxy of the environment', () => {
  test('requests go, with the proxy’s credentials', async () => {
    await using api = await startApiStub({ answer: () => NAMESPACE });
    await using proxy = await startConnectProxy();
    const environment = { HTTPS_PROXY: proxy.url.replace('//', '//ann:s3cret@') };
    const { cluster } = await connect(api.kubeconfig, { environment });
    assert.equal((await cluster.identity(timeLimit())).uid, 'cluster-1');
    assert.deepEqual(proxy.tunnels, [`127.0.0.1:${api.port}`]);
    assert.deepEqual(proxy.authorizations, [`Basic ${btoa('ann:s3cret')}`]);
  });

  test('commands go, too', async () => {
    await using api = await startApiStub({
      answer: () => livePod(),
      exec(socket) {
        socket.send(Buffer.from('\x01hello'));
        socket.send(Buffer.from('\x03{"status":"Success"}'));
      },
    });
    await using proxy = await startConnectProxy();
    const { podShell } = await connect(api.kubeconfig, { environment: { ALL_PROXY: proxy.url } });
    const session = await podShell.open(['true'], timeLimit());
    assert.equal(await text(session.output), 'hello');
    assert.equal(await session.exit, 0);
    assert.equal(proxy.tunnels.length, 2);
  });

  test('nothing goes that NO_PROXY exempts', async () => {
    await using api = await startApiStub({ answer: () => NAMESPACE });
    await using proxy = await startConnectProxy();
    const environment = { HTTPS_PROXY: proxy.url, NO_PROXY: '127.0.0.0/8' };
    const { cluster } = await connect(api.kubeconfig, { environment });
    await cluster.identity(timeLimit());
    assert.deepEqual(proxy.tunnels, []);
  });
});

describe('a proxy that', () => {
  const failure = async (environment: Record<string, string>, requestTimeoutMs = 5000): Promise<ApiError> => {
    await using api = await startApiStub({ answer: () => NAMESPACE });
    const { cluster } = await connect(api.kubeconfig, { environment, times: { requestTimeoutMs } });
    const error = await cluster.identity(timeLimit()).catch((caught) => caught);
    assert.ok(error instanceof ApiError, String(error));
    assert.doesNotMatch(`${error.message}${error.next}${error.cause}`, /s3cret/);
    return error;
  };

  test('is down is named, without its credentials', async () => {
    const proxy = await startConnectProxy();
    await proxy[Symbol.asyncDispose]();
    const { message, next } = await failure({ HTTPS_PROXY: proxy.url.replace('//', '//ann:s3cret@') });
    assert.ok(message.includes(`through the proxy ${proxy.url} `), message);
    assert.match(message, /the connection was refused/);
    assert.match(next, /HTTPS_PROXY/);
  });

  test('never answers is named, in time', async () => {
    await using proxy = await startConnectProxy({ status: 0 });
    const { message } = await failure({ HTTPS_PROXY: proxy.url }, 200);
    assert.ok(message.includes(`through the proxy ${proxy.url} `), message);
    assert.match(message, /did not answer in time/);
  });

  test('refuses the tunnel is named, with its answer', async () => {
    await using proxy = await startConnectProxy({ status: 407 });
    const { message } = await failure({ HTTPS_PROXY: proxy.url });
    assert.ok(message.includes(`through the proxy ${proxy.url} `), message);
    assert.match(message, /407/);
  });
});
