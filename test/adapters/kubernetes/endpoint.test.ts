import assert from 'node:assert/strict';
import type { Agent, RequestOptions } from 'node:https';
import { describe, test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { createEndpoint } from '../../../src/adapters/kubernetes/endpoint.ts';
import { timeLimit } from './support/connection.ts';

function withUser(user: object): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: 'https://cluster.example.org', skipTLSVerify: false }],
    users: [{ name: 'u', ...user }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

/** A configuration whose credential plugin makes another client certificate each time it is asked. */
function withRotatingCertificate(): KubeConfig {
  const script = `console.log(JSON.stringify({ status: {
    clientCertificateData: 'certificate ' + process.pid,
    clientKeyData: 'key ' + process.pid,
    expirationTimestamp: '2000-01-01T00:00:00Z',
  } }))`;
  return withUser({ exec: { command: process.execPath, args: ['-e', script] } });
}

describe('a connection', () => {
  test('presents the certificate that the plugin gave last', async () => {
    const endpoint = createEndpoint(withRotatingCertificate(), 1000);
    const presented = ({ agent }: RequestOptions) => ({ ...(agent as Agent).options });
    const first = presented(await endpoint.connection(timeLimit()));
    const second = presented(await endpoint.connection(timeLimit()));
    assert.match(String(first.cert), /^certificate \d+$/);
    assert.match(String(second.key), /^key \d+$/);
    assert.notEqual(first.cert, second.cert);
    assert.notEqual(first.key, second.key);
  });

  test('has other credentials once those of an earlier one are dropped, however many had these', async () => {
    const script = 'console.log(JSON.stringify({ status: { token: process.pid } }))';
    const user = { exec: { command: process.execPath, args: ['-e', script] } };
    const endpoint = createEndpoint(withUser(user), 1000);
    const connect = () => endpoint.connection(timeLimit());
    const [first, second] = [await connect(), await connect()];
    assert.deepEqual(second.headers, first.headers);
    assert.ok(endpoint.dropCredentials(first));
    const third = await connect();
    assert.notDeepEqual(third.headers, first.headers);
    assert.ok(endpoint.dropCredentials(second));
    assert.deepEqual((await connect()).headers, third.headers);
  });

  test('has no other credentials to give without a plugin', async () => {
    const endpoint = createEndpoint(withUser({ token: 'fixed' }), 1000);
    assert.equal(endpoint.dropCredentials(await endpoint.connection(timeLimit())), false);
  });

  test('is not waited for any longer once it is given up, whatever the plugin waits for', async () => {
    const config = withRotatingCertificate();
    const user = {
      name: 'u',
      exec: { command: process.execPath, args: ['-e', 'setTimeout(() => {}, 1000)'] },
    };
    config.users = [user];
    const reason = new Error('enough');
    const controller = new AbortController();
    const connection = createEndpoint(config, 1000).connection(controller.signal);
    controller.abort(reason);
    await assert.rejects(connection, reason);
  });
});
