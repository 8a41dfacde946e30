import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Digest, Repository } from '../../../src/domain/names.ts';
import { markerTag } from '../../../src/domain/untagging.ts';
import { startDistribution3 } from '../../support/distribution3.ts';
import { startRegistry } from '../../support/registry.ts';
import { errorAnswer, type ScriptedAnswer } from '../../support/script.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { INDEX, open, tag, timeLimit } from './support/open.ts';

const RUN = '20240102T030405Z-abcdef';
const PROBE = '/v2/registry-cleaner/probe/manifests';
const byDigest = { method: 'DELETE', path: `${PROBE}/sha256:${'0'.repeat(64)}` };
const byTag = { method: 'DELETE', path: `${PROBE}/registry-cleaner-probe` };

async function checkAt(answer: ScriptedAnswer): Promise<void> {
  await using server = await startScriptedRegistry([{ method: 'GET', path: '/v2/', answers: [answer] }]);
  await using opened = open(server.host);
  await opened.registry.check(timeLimit());
}

describe('check', () => {
  it('is content with what is a registry', async () => {
    await checkAt({ body: {} });
    await checkAt({ headers: { 'docker-distribution-api-version': 'registry/2.0' } });
  });

  for (const answer of [
    { status: 404, body: '<html>' },
    { status: 400, body: 'Client sent an HTTP request to an HTTPS server.' },
    { status: 200, body: '<html>welcome</html>' },
    { status: 200, body: '' },
  ])
    it(`says that it is no registry that answers ${answer.status} with ${answer.body || 'nothing'}`, async () => {
      const error = await failureOf(checkAt(answer), 'other');
      assert.match(error.message, /is no registry/);
      assert.match(error.next, /--registry.*--tls/);
    });

  it('says what the registry refuses', async () => {
    await failureOf(checkAt(errorAnswer(401, 'UNAUTHORIZED')), 'unauthorized');
    await failureOf(checkAt(errorAnswer(403, 'DENIED')), 'forbidden');
    await failureOf(checkAt(errorAnswer(503, 'UNAVAILABLE')), 'temporary');
  });

  it('does not wait for its turn behind a deletion that hangs', async () => {
    const digest = `sha256:${'a'.repeat(64)}` as Digest;
    await using server = await startScriptedRegistry([
      { method: 'GET', path: '/v2/', answers: [{ body: {} }] },
      { method: 'DELETE', path: /./, answers: ['hang'] },
    ]);
    await using opened = open(server.host, { concurrency: 1 });
    const reason = new Error('interrupted');
    const deleting = assert.rejects(opened.registry.deleteManifest('x' as Repository, digest), reason);
    await server.received(1);
    opened.control.abort(reason);
    await deleting;
    await opened.registry.check(timeLimit());
  });
});

describe('deletionState', () => {
  for (const [status, code, expected] of [
    [404, 'MANIFEST_UNKNOWN', 'enabled'],
    [404, 'NAME_UNKNOWN', 'enabled'],
    [405, 'UNSUPPORTED', 'disabled'],
  ] as const)
    it(`is ${expected} where the answer is ${status} ${code}`, async () => {
      await using server = await startScriptedRegistry([
        { ...byDigest, answers: [errorAnswer(status, code)] },
      ]);
      await using opened = open(server.host);
      assert.equal(await opened.registry.deletionState(), expected);
    });

  for (const [answer, failure] of [
    [errorAnswer(401, 'UNAUTHORIZED'), 'unauthorized'],
    [{ status: 404, body: '<html>' }, 'other'],
    [{ status: 502 }, 'temporary'],
    ['cut', 'temporary'],
  ] as const)
    it(`is not guessed from ${typeof answer === 'string' ? 'no answer' : answer.status}`, async () => {
      await using server = await startScriptedRegistry([{ ...byDigest, answers: [answer] }]);
      await using opened = open(server.host);
      await failureOf(opened.registry.deletionState(), failure);
    });
});

describe('The means to untie a tag', () => {
  const repository = 'some/repository' as Repository;
  const ledger = {
    ...{ marker: markerTag(RUN, 1), run: RUN, by: 'ann@laptop', since: '2024-01-02T03:04:05.000Z' },
    tags: new Map(),
  };
  const untieAt = async (host: string, credentials: { username: string; password: string } | undefined) => {
    await using opened = open(host, { credentials });
    for (const name of ['a', 'b']) await opened.registry.untagging?.untie(repository, tag(name), ledger);
  };

  it('is found out once, and is a throw-away manifest for version 2', async () => {
    await using registry = await startRegistry();
    await registry.putImage(repository, ['a', 'b']);
    await untieAt(registry.host, registry.credentials);
    const digest = await registry.digest(repository, 'a');
    assert.equal(await registry.digest(repository, 'b'), digest);
    const path = `/v2/${repository}/manifests/${digest}`;
    const answer = await registry.request(path, { headers: { accept: INDEX } });
    assert.match(await answer.text(), /docker-registry-cleaner/);
  });

  it('is DELETE by tag for version 3', async () => {
    await using registry = await startRegistry();
    await using front = await startDistribution3(registry);
    await registry.putImage(repository, ['a', 'b', 'c']);
    await untieAt(front.host, registry.credentials);
    assert.deepEqual(await registry.tags(repository), ['c']);
  });

  it('is a throw-away manifest where only tags cannot be deleted', async () => {
    const put = { method: 'PUT', path: /\/manifests\/[ab]$/, answer: { status: 201 } };
    await using server = await startScriptedRegistry([
      { ...byTag, answers: [errorAnswer(405, 'UNSUPPORTED')] },
      { ...byDigest, answers: [errorAnswer(404, 'MANIFEST_UNKNOWN')] },
      put,
    ]);
    await untieAt(server.host, undefined);
    assert.equal(server.asked.filter((asked) => asked.startsWith('PUT')).length, 2);
  });

  it('is asked for again after no answer came', async () => {
    await using server = await startScriptedRegistry([
      { ...byTag, answers: ['cut', errorAnswer(404, 'MANIFEST_UNKNOWN')] },
      { method: 'DELETE', path: /\/some\/repository\/manifests\/[ab]$/, answer: { status: 202 } },
    ]);
    await using opened = open(server.host);
    const untie = async () => await opened.registry.untagging?.untie(repository, tag('a'), ledger);
    await failureOf(untie(), 'temporary');
    await untie();
  });
});
