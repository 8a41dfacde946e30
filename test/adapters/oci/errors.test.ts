import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { RegistryHttpError } from '../../../src/adapters/oci/http-error.ts';
import type { RegistryFailure } from '../../../src/domain/errors.ts';
import type { Digest } from '../../../src/domain/names.ts';
import { errorAnswer, type ScriptedAnswer } from '../../support/script.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { MANIFESTS, open, PASSWORD, REPOSITORY, tag } from './support/open.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest;
const LIST = '/v2/some/repository/tags/list';

/** What comes of an answer to a listing. */
async function failAt(answer: ScriptedAnswer, failure: RegistryFailure): Promise<RegistryHttpError> {
  await using server = await startScriptedRegistry([{ path: LIST, answers: [answer] }]);
  await using opened = open(server.host);
  const error = await failureOf(opened.registry.listTags(REPOSITORY), failure);
  assert.ok(error instanceof RegistryHttpError);
  const everything = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  const encoded = Buffer.from(`ann:${PASSWORD}`).toString('base64');
  for (const secret of [PASSWORD, PASSWORD.slice(0, 4), encoded])
    assert.ok(!everything.includes(secret) && !`${error.stack}`.includes(secret), everything);
  return error;
}

describe('What the registry refuses', () => {
  for (const [status, code, failure] of [
    [400, 'NAME_INVALID', 'other'],
    [401, 'UNAUTHORIZED', 'unauthorized'],
    [403, 'DENIED', 'forbidden'],
    [405, 'UNSUPPORTED', 'unsupported'],
    [408, 'UNKNOWN', 'temporary'],
    [425, 'UNKNOWN', 'temporary'],
    [429, 'TOOMANYREQUESTS', 'temporary'],
    [500, 'UNKNOWN', 'temporary'],
    [503, 'UNAVAILABLE', 'temporary'],
  ] as const)
    it(`is ${failure} for ${status}`, async () => {
      const error = await failAt(errorAnswer(status, code), failure);
      assert.equal(error.status, status);
      assert.equal(error.code, code);
      assert.equal(error.method, 'GET');
      assert.match(error.url, /^http:\/\/127\.0\.0\.1:\d+\/v2\/some\/repository\/tags\/list$/);
      assert.match(
        error.message,
        new RegExp(`Could not list the tags of some/repository: .*${status} ${code}`),
      );
      assert.equal(error.answerLost, false);
    });

  it('is told without control characters, and not at any length', async () => {
    const message = `bad \u001b[31mthing\u202e${'x'.repeat(5000)}`;
    const error = await failAt(errorAnswer(400, 'X\u0007Y', { message }), 'other');
    assert.match(error.message, /X Y: bad .*thing/);
    assert.ok(error.message.length < 600);
  });

  it("is told without its words when these are not a registry's", async () => {
    for (const body of ['<html>', '{"errors":7}', '{"errors":[null]}', '[]', '{"errors":[{"code":7}]}']) {
      const error = await failAt({ status: 500, body }, 'temporary');
      assert.equal(error.code, undefined);
      assert.match(error.message, /answered 500/);
    }
  });

  it('names the tokens that it wants, and is not asked for them', async () => {
    await using elsewhere = await startScriptedRegistry([]);
    const challenge = { 'www-authenticate': `Bearer realm="${elsewhere.url}/token",service="s"` };
    const error = await failAt(errorAnswer(401, 'UNAUTHORIZED', { headers: challenge }), 'unauthorized');
    assert.match(error.message, /Bearer/);
    assert.deepEqual(elsewhere.asked, []);
  });

  for (const status of [301, 302, 303, 307, 308])
    it(`is not followed to another host (${status})`, async () => {
      await using elsewhere = await startScriptedRegistry([]);
      const headers = { location: `${elsewhere.url}/v2/?secret=signature` };
      const error = await failAt({ status, headers }, 'other');
      assert.ok(error.message.includes(elsewhere.host), error.message);
      assert.doesNotMatch(error.message, /signature/);
      await using server = await startScriptedRegistry([
        { method: 'HEAD', path: `${MANIFESTS}/one`, answers: [{ status, headers }] },
        { method: 'DELETE', path: `${MANIFESTS}/${DIGEST}`, answers: [{ status, headers }] },
      ]);
      await using opened = open(server.host);
      await failureOf(opened.registry.resolve(REPOSITORY, tag('one')), 'other');
      await failureOf(opened.registry.deleteManifest(REPOSITORY, DIGEST), 'other');
      assert.deepEqual(elsewhere.asked, []);
    });

  it('shows of an address only what is no secret', () => {
    const url = 'https://ann:secret@registry:5000/v2/x/tags/list?n=10&last=b&signature=secret';
    const error = new RegistryHttpError('Could not.', { method: 'GET', url, failure: 'other' });
    assert.equal(error.url, 'https://registry:5000/v2/x/tags/list?n=10&last=b&signature=…');
  });
});

describe('An answer that breaks off', () => {
  it('is none', async () => {
    const error = await failAt({ body: { name: 'x', tags: ['a', 'b'] }, cutAfterBytes: 12 }, 'temporary');
    assert.equal(error.status, undefined);
  });
});
