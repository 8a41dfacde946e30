import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Agent, request } from 'undici';
import type { CertificateKind } from './certificates.ts';
import { errorAnswer } from './script.ts';
import { type ScriptedRegistry, startScriptedRegistry } from './scripted-registry.ts';

type Server = Pick<ScriptedRegistry, 'url' | 'ca'>;

/** One request over a connection of its own. */
async function ask({ url, ca }: Server, path: string, init: { method?: string; body?: string } = {}) {
  await using dispatcher = new Disposable(new Agent({ connect: { ...(ca !== undefined && { ca }) } }));
  const { statusCode, headers, body } = await request(url + path, { ...init, dispatcher: dispatcher.agent });
  return { status: statusCode, headers, body: await body.text() };
}

class Disposable implements AsyncDisposable {
  readonly agent: Agent;
  constructor(agent: Agent) {
    this.agent = agent;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.agent.destroy();
  }
}

describe('a scripted registry', () => {
  it('answers by its script and remembers what it was asked', async () => {
    await using server = await startScriptedRegistry([
      {
        method: 'GET',
        path: '/v2/',
        answers: [errorAnswer(429, 'TOOMANYREQUESTS', { headers: { 'retry-after': '1' } })],
      },
      { path: /^\/v2\/$/, answer: { body: { fine: true }, headers: { 'x-one': 'a' } } },
      {
        method: 'PUT',
        path: '/v2/a/manifests/b',
        answer: ({ body }) => ({ status: 201, body: `got ${body}` }),
      },
    ]);
    const refused = await ask(server, '/v2/');
    assert.equal(refused.status, 429);
    assert.equal(refused.headers['retry-after'], '1');
    assert.equal(JSON.parse(refused.body).errors[0].code, 'TOOMANYREQUESTS');
    const answered = await ask(server, '/v2/');
    assert.deepEqual(
      [answered.status, answered.body, answered.headers['x-one']],
      [200, '{"fine":true}', 'a'],
    );
    const put = await ask(server, '/v2/a/manifests/b', { method: 'PUT', body: 'text' });
    assert.deepEqual([put.status, put.body], [201, 'got text']);

    assert.deepEqual(server.asked, ['GET /v2/', 'GET /v2/', 'PUT /v2/a/manifests/b']);
    assert.deepEqual(
      server.requests.map(({ connection, authorized, concurrent }) => ({
        connection,
        authorized,
        concurrent,
      })),
      [0, 1, 2].map((connection) => ({ connection, authorized: false, concurrent: 1 })),
    );
  });

  it('tells whether credentials came, and sends a HEAD only the length', async () => {
    await using server = await startScriptedRegistry([{ path: '/', answer: { body: 'abc' } }]);
    const response = await fetch(`${server.url}/`, {
      method: 'HEAD',
      headers: { authorization: 'Basic eA==' },
    });
    assert.equal(response.headers.get('content-length'), '3');
    assert.equal(await response.text(), '');
    assert.equal(server.requests[0]?.authorized, true);
  });

  it('cuts connections before an answer and in the middle of one', async () => {
    await using server = await startScriptedRegistry([
      { path: '/before', answers: ['cut'] },
      { path: '/within', answers: [{ body: 'abcdef', cutAfterBytes: 3 }] },
    ]);
    await assert.rejects(ask(server, '/before'), /other side closed/);
    const response = await fetch(`${server.url}/within`);
    assert.equal(response.headers.get('content-length'), '6');
    let text = '';
    await assert.rejects(async () => {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>)
        text += Buffer.from(chunk).toString();
    });
    assert.equal(text, 'abc');
  });

  it('keeps silent, and lets a test wait until it was asked', async () => {
    await using server = await startScriptedRegistry([{ path: /./, answer: 'hang' }]);
    const control = new AbortController();
    const pending = ['/a', '/b'].map((path) => fetch(server.url + path, { signal: control.signal }));
    await server.received(2);
    assert.equal(server.requests[1]?.concurrent, 2);
    control.abort();
    for (const { status } of await Promise.allSettled(pending)) assert.equal(status, 'rejected');
  });

  it('fails on a request that is not in the script', async () => {
    const server = await startScriptedRegistry([{ path: '/once', answers: [{}] }]);
    await ask(server, '/once');
    assert.equal((await ask(server, '/once')).status, 501);
    await assert.rejects(server[Symbol.asyncDispose](), /not in the script: GET \/once/);
  });

  it('fails when an answer was never asked for', async () => {
    const server = await startScriptedRegistry([{ method: 'GET', path: '/once', answers: [{}, {}] }]);
    await ask(server, '/once');
    await assert.rejects(server[Symbol.asyncDispose](), /never asked for \(1\): GET \/once/);
  });

  describe('with TLS', () => {
    const start = (tls: CertificateKind) =>
      startScriptedRegistry([{ path: '/', answer: { body: 'safe' } }], { tls });

    it('convinces whoever trusts its authority, and nobody else', async () => {
      await using server = await start('valid');
      assert.match(server.url, /^https:/);
      assert.equal((await ask(server, '/')).body, 'safe');
      await assert.rejects(ask({ url: server.url, ca: undefined }, '/'), {
        code: 'SELF_SIGNED_CERT_IN_CHAIN',
      });
    });

    it('can bear the wrong name or be expired', async () => {
      await using misnamed = await start('wrong-name');
      await assert.rejects(ask(misnamed, '/'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
      await using expired = await start('expired');
      await assert.rejects(ask(expired, '/'), /certificate has expired/);
    });
  });
});
