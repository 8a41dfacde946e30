import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { ApiError } from '../../../src/adapters/kubernetes/api-error.ts';
import { UnreachableError } from '../../../src/domain/errors.ts';
import { type StubAnswer, type StubBehaviour, startApiStub, statusAnswer } from './support/api-stub.ts';
import { connect, timeLimit } from './support/connection.ts';
import { livePod } from './support/live-pod.ts';

const NAMESPACE = { kind: 'Namespace', metadata: { name: 'kube-system', uid: 'cluster-1' } };

/** Answers requests one after the other; the last answer for ever. */
function sequence(...answers: [StubAnswer, ...StubAnswer[]]) {
  let next = 0;
  return { answer: () => answers[Math.min(next++, answers.length - 1)] ?? answers[0] };
}

async function identityError(kubeconfig: string, changes = {}): Promise<ApiError> {
  const { cluster } = await connect(kubeconfig, changes);
  return cluster.identity(timeLimit()).then(
    () => assert.fail('should have failed'),
    (error) => {
      assert.ok(error instanceof ApiError, String(error));
      return error;
    },
  );
}

describe('a request', () => {
  test('carries the credentials and reads the answer', async () => {
    await using api = await startApiStub({ answer: () => ({ body: NAMESPACE }) });
    const { cluster } = await connect(api.kubeconfig);
    const identity = await cluster.identity(timeLimit());
    assert.deepEqual(identity, { uid: 'cluster-1', context: 'stub', server: api.url });
    assert.equal(api.requests[0]?.path, '/api/v1/namespaces/kube-system');
    assert.equal(api.requests[0]?.headers.authorization, 'Bearer stub-token');
  });

  test('reaches a server that lives under a path', async () => {
    await using api = await startApiStub({ answer: () => ({ body: NAMESPACE }) });
    const path = await api.writeConfig('prefixed', { cluster: { server: `${api.url}/k8s/clusters/c-1/` } });
    const { cluster } = await connect(path);
    await cluster.identity(timeLimit());
    assert.equal(api.requests[0]?.path, '/k8s/clusters/c-1/api/v1/namespaces/kube-system');
  });

  for (const answer of [
    statusAnswer(500, 'InternalError', 'etcd'),
    statusAnswer(503, 'ServiceUnavailable', 'busy'),
    statusAnswer(429, 'TooManyRequests', 'slower', { 'retry-after': '0' }),
    'cut',
  ] as const)
    test(`is sent again after ${typeof answer === 'string' ? answer : answer.status}`, async () => {
      await using api = await startApiStub(sequence(answer, answer, { body: NAMESPACE }));
      const { cluster } = await connect(api.kubeconfig);
      assert.equal((await cluster.identity(timeLimit())).uid, 'cluster-1');
      assert.equal(api.requests.length, 3);
    });

  test('waits as long as the server says', async () => {
    const busy = statusAnswer(429, 'TooManyRequests', 'slower', { 'retry-after': '1' });
    await using api = await startApiStub(sequence(busy, { body: NAMESPACE }));
    const { cluster } = await connect(api.kubeconfig);
    const startedAt = performance.now();
    await cluster.identity(timeLimit());
    assert.ok(performance.now() - startedAt >= 990);
  });

  test('is given up in the end, as something that may come right', async () => {
    await using api = await startApiStub(sequence(statusAnswer(503, 'ServiceUnavailable', 'busy')));
    const error = await identityError(api.kubeconfig);
    assert.equal(error.temporary, true);
    assert.equal(api.requests.length, 3);
  });

  test('is not sent again after a refusal', async () => {
    await using api = await startApiStub(sequence(statusAnswer(404, 'NotFound', 'no such thing')));
    assert.equal((await identityError(api.kubeconfig)).status, 404);
    assert.equal(api.requests.length, 1);
  });

  test('has a time limit', async () => {
    await using api = await startApiStub(sequence('hang'));
    const error = await identityError(api.kubeconfig, { times: { requestTimeoutMs: 100 } });
    assert.match(error.message, /did not answer in time/);
    assert.equal(api.requests.length, 1);
  });

  test('ends with the signal, with its reason', async () => {
    await using api = await startApiStub(sequence('hang'));
    const { cluster } = await connect(api.kubeconfig);
    const reason = new Error('enough');
    const controller = new AbortController();
    const answer = cluster.identity(controller.signal);
    while (api.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);
    await assert.rejects(answer, reason);
  });
});

describe('what the API server says', () => {
  test('is told in its own words, without body, headers and control characters', async () => {
    const message = `forbidden:\u001b[2J ${'long '.repeat(500)}`;
    await using api = await startApiStub(
      sequence(statusAnswer(403, 'Forbidden', message, { 'x-secret': 'header-content' })),
    );
    const error = await identityError(api.kubeconfig);
    assert.match(error.message, /answered 403 to "get namespaces kube-system": forbidden: \[2J long/);
    assert.ok(error.message.length < 1000);
    assert.doesNotMatch(error.message, /\p{Cc}/u);
    assert.doesNotMatch(`${error.message}${error.next}`, /header-content|"kind"|stub-token/);
    assert.match(error.next, /ClusterRole\nrules:\n {2}- apiGroups: \[""\]\n {4}resources: \["namespaces"\]/);
    assert.match(error.next, /resourceNames: \["kube-system"\]\n {4}verbs: \["get"\]/);
  });

  test('401 asks for a login', async () => {
    await using api = await startApiStub(sequence(statusAnswer(401, 'Unauthorized', 'Unauthorized')));
    assert.match((await identityError(api.kubeconfig)).next, /log in again/);
  });

  test('a page of some other server is not repeated', async () => {
    await using api = await startApiStub(sequence({ status: 404, body: '<html>secret portal</html>' }));
    const error = await identityError(api.kubeconfig);
    assert.doesNotMatch(error.message, /portal/);
    assert.match(error.next, /no answer of a Kubernetes API server/);
  });

  test('a success that is no JSON is an error', async () => {
    await using api = await startApiStub(sequence({ status: 200, body: '<html>portal</html>' }));
    assert.match((await identityError(api.kubeconfig)).message, /something else than JSON/);
  });

  test('warnings reach the caller, each once', async () => {
    const headers = { warning: '299 - "say \\"please\\""' };
    await using api = await startApiStub({ answer: () => ({ headers, body: NAMESPACE }) });
    const warnings: string[] = [];
    const { cluster } = await connect(api.kubeconfig, { onWarning: (text: string) => warnings.push(text) });
    await cluster.identity(timeLimit());
    await cluster.identity(timeLimit());
    assert.deepEqual(warnings, ['say "please"']);
  });
});

describe('a server that cannot be reached', () => {
  test('refuses the connection', async () => {
    await using api = await startApiStub(sequence('cut'));
    const path = await api.writeConfig('closed', {
      cluster: { server: `https://127.0.0.1:${await freePort()}` },
    });
    const error = await identityError(path);
    assert.match(error.message, /https:\/\/127\.0\.0\.1:\d+ \(context stub\) cannot be reached.*refused/);
    assert.match(error.next, /VPN/);
    assert.equal(error.temporary, true);
  });

  test('has no address', async () => {
    await using api = await startApiStub(sequence('cut'));
    const path = await api.writeConfig('nowhere', { cluster: { server: 'https://cluster.invalid:6443' } });
    assert.match((await identityError(path)).message, /name cannot be resolved/);
  });

  test('has a certificate of an unknown authority', async () => {
    await using api = await startApiStub(sequence({ body: NAMESPACE }));
    const path = await api.writeConfig('untrusted', { cluster: { 'certificate-authority-data': undefined } });
    const error = await identityError(path);
    assert.match(error.message, /not signed by an authority that the kubeconfig trusts/);
    assert.match(error.next, /certificate-authority/);
    assert.equal(api.requests.length, 0);
  });

  test('has a certificate for another name', async () => {
    await using api = await startApiStub(sequence({ body: NAMESPACE }));
    const path = await api.writeConfig('misnamed', {
      cluster: { server: api.url.replace('127.0.0.1', 'localhost') },
    });
    assert.match((await identityError(path)).message, /certificate is for another name/);
  });
});

test('the token of a token file is sent, without its line break', async () => {
  await using api = await startApiStub(sequence({ body: NAMESPACE }));
  const path = await api.writeConfig('token-file', { user: { tokenFile: 'token' } });
  await writeFile(join(dirname(path), 'token'), 'from-file\n');
  const { cluster } = await connect(path);
  await cluster.identity(timeLimit());
  assert.equal(api.requests[0]?.headers.authorization, 'Bearer from-file');
});

describe('a credential plugin', () => {
  const plugin = (script: string) => ({
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] },
  });
  const failure = async (user: object) => {
    await using api = await startApiStub(sequence({ body: NAMESPACE }));
    const { cluster } = await connect(await api.writeConfig('plugin', { user }));
    const error = await cluster.identity(timeLimit()).catch((caught) => caught);
    assert.ok(error instanceof UnreachableError);
    return error;
  };

  test('that works gives the token', async () => {
    await using api = await startApiStub(sequence({ body: NAMESPACE }));
    const credential = JSON.stringify({ status: { token: 'from-plugin' } });
    const user = plugin(`console.log(${JSON.stringify(credential)})`);
    const { cluster } = await connect(await api.writeConfig('plugin', { user }));
    await cluster.identity(timeLimit());
    assert.equal(api.requests[0]?.headers.authorization, 'Bearer from-plugin');
  });

  /** Prints a token with the number of its run, which it keeps in a file. */
  const counting = (folder: string) =>
    plugin(`
      const fs = require('node:fs');
      const file = ${JSON.stringify(folder)} + '/runs';
      fs.appendFileSync(file, '.');
      console.log(JSON.stringify({ status: { token: 'token-' + fs.readFileSync(file, 'utf8').length } }));
    `);
  const refusingFirst: StubBehaviour = {
    answer: ({ headers }) =>
      headers.authorization === 'Bearer token-1'
        ? statusAnswer(401, 'Unauthorized', 'Unauthorized')
        : { body: NAMESPACE },
  };

  test('is asked again when its token is accepted no longer', async () => {
    await using api = await startApiStub(refusingFirst);
    const folder = dirname(api.kubeconfig);
    const { cluster } = await connect(await api.writeConfig('plugin', { user: counting(folder) }));
    await cluster.identity(timeLimit());
    await cluster.identity(timeLimit());
    const tokens = api.requests.map(({ headers }) => headers.authorization);
    assert.deepEqual(tokens, ['Bearer token-1', 'Bearer token-2', 'Bearer token-2']);
  });

  test('is asked again for a command in a pod, too', async () => {
    const pod = livePod();
    await using api = await startApiStub({
      answer(request) {
        if (!request.path.endsWith('/exec')) return pod;
        return request.headers.authorization === 'Bearer token-1'
          ? statusAnswer(401, 'Unauthorized', 'Unauthorized')
          : statusAnswer(404, 'NotFound', 'reached');
      },
    });
    const path = await api.writeConfig('plugin', { user: counting(dirname(api.kubeconfig)) });
    const { podShell } = await connect(path);
    await assert.rejects(podShell.open(['true'], timeLimit()), /reached/);
  });

  test('is not asked for ever when nothing that it gives is accepted', async () => {
    await using api = await startApiStub(sequence(statusAnswer(401, 'Unauthorized', 'Unauthorized')));
    const path = await api.writeConfig('plugin', { user: counting(dirname(api.kubeconfig)) });
    assert.equal((await identityError(path)).status, 401);
    assert.equal(api.requests.length, 2);
  });

  test('is found from the folder of the kubeconfig, and told what it is asked for', async () => {
    await using api = await startApiStub(sequence({ body: NAMESPACE }));
    const script = `#!${process.execPath}
      console.log(JSON.stringify({ status: { token: btoa(process.env.KUBERNETES_EXEC_INFO) } }))`;
    await writeFile(join(dirname(api.kubeconfig), 'plugin.cjs'), script, { mode: 0o755 });
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin.cjs' };
    const { cluster } = await connect(await api.writeConfig('relative', { user: { exec } }));
    await cluster.identity(timeLimit());
    const token = (api.requests[0]?.headers.authorization ?? '').replace('Bearer ', '');
    assert.deepEqual(JSON.parse(atob(token)), {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: { interactive: false },
    });
  });

  test('is not blamed for a certificate authority that cannot be read', async () => {
    await using api = await startApiStub(sequence({ body: NAMESPACE }));
    const path = await api.writeConfig('no-ca', {
      cluster: { 'certificate-authority': 'missing.crt' },
      user: plugin(''),
    });
    const { cluster } = await connect(path);
    await assert.rejects(cluster.identity(timeLimit()), /missing\.crt cannot be read \(ENOENT\)/);
  });

  test('that fails is named, with what it says', async () => {
    const error = await failure(plugin('console.error("please log in"); process.exit(1)'));
    assert.match(error.message, /credential plugin ".*node".*"stub-user".*failed: please log in/);
  });

  test('that prints nonsense is named, without the nonsense', async () => {
    const error = await failure(plugin('console.log("s3cret")'));
    assert.match(error.message, /no valid ExecCredential/);
    assert.doesNotMatch(`${error.message} ${error.cause}`, /s3cret/);
  });

  test('that is not there is named', async () => {
    const error = await failure({ exec: { command: 'no-such-plugin-here' } });
    assert.match(error.message, /"no-such-plugin-here".*no such program/);
  });
});

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
