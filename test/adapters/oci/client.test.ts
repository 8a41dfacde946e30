import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RegistryError } from '../../../src/domain/errors.ts';
import type { Digest } from '../../../src/domain/names.ts';
import type { Dialer } from '../../../src/ports.ts';
import { errorAnswer } from '../../support/script.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { dialerTo, imageAt, MANIFESTS, nothingAt, open, REPOSITORY, tag, timeLimit } from './support/open.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest;
const deletion = { method: 'DELETE', path: `${MANIFESTS}/${DIGEST}` };

describe('The conversation with the registry', () => {
  it('keeps its connections, after a HEAD too', async () => {
    await using server = await startScriptedRegistry([imageAt('one', DIGEST)]);
    await using opened = open(server.host, { concurrency: 3 });
    for (let round = 0; round < 5; round++)
      await Promise.all(Array.from({ length: 6 }, () => opened.registry.resolve(REPOSITORY, tag('one'))));
    assert.equal(server.requests.length, 30);
    assert.ok(server.requests.every(({ connection }) => connection < 3));
    assert.ok(server.requests.every(({ concurrent }) => concurrent <= 3));
  });

  it('sends the credentials with every request, and says who asks', async () => {
    await using server = await startScriptedRegistry([imageAt('one', DIGEST)]);
    await using opened = open(server.host);
    await opened.registry.resolve(REPOSITORY, tag('one'));
    const [request] = server.requests;
    assert.equal(
      Buffer.from((request?.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString(),
      'ann:p4ss:w0rd with "quotes"',
    );
    assert.match(request?.headers['user-agent'] ?? '', /run-1/);
    assert.equal(request?.headers.host, server.host);
  });

  it('calls the registry by its own name, wherever the connections lead', async () => {
    await using server = await startScriptedRegistry([imageAt('one', DIGEST)]);
    const registry = 'docker-registry:5000';
    await using opened = open(registry, { dialer: dialerTo(server.host) });
    await opened.registry.resolve(REPOSITORY, tag('one'));
    assert.equal(server.requests[0]?.headers.host, registry);
  });

  describe('when the other side closes a kept connection', () => {
    const image = {
      headers: {
        'content-type': 'application/vnd.oci.image.manifest.v1+json',
        'docker-content-digest': DIGEST,
      },
    };

    it('asks again at once, on a new one', async () => {
      const head = { method: 'HEAD', path: `${MANIFESTS}/one` };
      await using server = await startScriptedRegistry([{ ...head, answers: [image, 'cut', image] }]);
      await using opened = open(server.host);
      for (let round = 0; round < 2; round++)
        assert.equal((await opened.registry.resolve(REPOSITORY, tag('one'))).state, 'found');
      assert.deepEqual(
        server.requests.map(({ connection }) => connection),
        [0, 0, 1],
      );
    });

    it('asks only once more', async () => {
      const head = { method: 'HEAD', path: `${MANIFESTS}/one` };
      await using server = await startScriptedRegistry([{ ...head, answers: [image, 'cut', 'cut'] }]);
      await using opened = open(server.host);
      await opened.registry.resolve(REPOSITORY, tag('one'));
      await failureOf(opened.registry.resolve(REPOSITORY, tag('one')), 'temporary');
    });

    it('does not ask again when the connection was new', async () => {
      await using server = await startScriptedRegistry([
        { method: 'HEAD', path: `${MANIFESTS}/one`, answers: ['cut'] },
      ]);
      await using opened = open(server.host);
      const failure = await failureOf(opened.registry.resolve(REPOSITORY, tag('one')), 'temporary');
      assert.match(failure.message, /some\/repository:one.*cut/);
      assert.match(failure.next, /direct/);
    });

    it('goes on by itself when all were closed while idle', async () => {
      await using server = await startScriptedRegistry([imageAt('one', DIGEST)]);
      await using opened = open(server.host);
      const several = () =>
        Promise.all(Array.from({ length: 4 }, () => opened.registry.resolve(REPOSITORY, tag('one'))));
      await several();
      server.dropConnections();
      for (const { state } of await several()) assert.equal(state, 'found');
    });
  });

  describe('when the answer to a deletion is lost', () => {
    it('looks it up before it is sent again, and finds it done', async () => {
      await using server = await startScriptedRegistry([
        { ...deletion, answers: ['cut'] },
        ...nothingAt(DIGEST),
      ]);
      await using opened = open(server.host);
      const failure = await failureOf(opened.registry.deleteManifest(REPOSITORY, DIGEST), 'temporary');
      assert.equal((failure as RegistryError & { answerLost?: boolean }).answerLost, true);
      assert.equal(await opened.registry.deleteManifest(REPOSITORY, DIGEST), 'gone');
    });

    it('sends it again when the manifest is still there', async () => {
      await using server = await startScriptedRegistry([
        { ...deletion, answers: ['cut', { status: 202 }] },
        imageAt(DIGEST, DIGEST),
      ]);
      await using opened = open(server.host);
      await failureOf(opened.registry.deleteManifest(REPOSITORY, DIGEST), 'temporary');
      assert.equal(await opened.registry.deleteManifest(REPOSITORY, DIGEST), 'deleted');
      assert.deepEqual(
        server.requests.map(({ method }) => method),
        ['DELETE', 'HEAD', 'DELETE'],
      );
    });

    it('does not come to rest before the registry can have come to its end', async () => {
      await using server = await startScriptedRegistry([{ ...deletion, answers: ['cut'] }]);
      await using opened = open(server.host);
      const lostAtMs = performance.now();
      await failureOf(opened.registry.deleteManifest(REPOSITORY, DIGEST), 'temporary');
      await opened.registry.quiesce(timeLimit());
      assert.ok(performance.now() - lostAtMs >= 1_000);
    });
  });

  describe('when the work is aborted', () => {
    it('does not come to rest before a deletion that was sent is answered', async () => {
      let answered = false;
      await using server = await startScriptedRegistry([
        {
          ...deletion,
          answer: { status: 202, delayMs: 300 },
        },
      ]);
      await using opened = open(server.host);
      const deleting = opened.registry.deleteManifest(REPOSITORY, DIGEST);
      await server.received(1);
      const reason = new Error('interrupted');
      opened.control.abort(reason);
      await assert.rejects(deleting, reason);
      const resting = opened.registry.quiesce(timeLimit()).then(() => {
        answered = true;
      });
      await assert.rejects(opened.registry.quiesce(AbortSignal.timeout(20)), { name: 'TimeoutError' });
      assert.equal(answered, false);
      await resting;
    });

    it('sends no deletion any more that still waited for its connection', async () => {
      await using server = await startScriptedRegistry([]);
      const gate = Promise.withResolvers<void>();
      const dialing = Promise.withResolvers<[Promise<unknown>]>();
      const slow: Dialer = {
        dial() {
          const dialed = gate.promise.then(() => dialerTo(server.host).dial(timeLimit()));
          dialing.resolve([dialed]);
          return dialed;
        },
      };
      await using opened = open(server.host, { dialer: slow });
      const deleting = opened.registry.deleteManifest(REPOSITORY, DIGEST);
      const [dialed] = await dialing.promise;
      const reason = new Error('interrupted');
      opened.control.abort(reason);
      await assert.rejects(deleting, reason);
      gate.resolve();
      await dialed;
      await opened.registry.quiesce(timeLimit());
      assert.deepEqual(server.asked, []);
    });
  });

  it('gives up what takes too long, and has more patience the next time', async (context) => {
    await using server = await startScriptedRegistry([
      { method: 'HEAD', path: `${MANIFESTS}/one`, answer: 'hang' },
    ]);
    await using opened = open(server.host);
    context.mock.timers.enable({ apis: ['setTimeout'] });
    for (const [round, limitMs] of [60_000, 120_000].entries()) {
      let settled = false;
      const failing = failureOf(opened.registry.resolve(REPOSITORY, tag('one')), 'temporary');
      void failing.then(() => {
        settled = true;
      });
      await server.received(round + 1);
      context.mock.timers.tick(limitMs - 1);
      await new Promise(setImmediate);
      assert.equal(settled, false);
      context.mock.timers.tick(1);
      assert.match((await failing).message, new RegExp(`no answer within ${limitMs / 1000} s`));
    }
  });

  it('lets go of all connections at once', async () => {
    await using server = await startScriptedRegistry([{ ...deletion, answers: ['hang'] }]);
    await using opened = open(server.host);
    const failing = failureOf(opened.registry.deleteManifest(REPOSITORY, DIGEST), 'temporary');
    await server.received(1);
    await opened.registry.close();
    await failing;
  });

  it('passes on how long the registry wants to be left alone', async () => {
    const retry = (value: string) => ({
      ...errorAnswer(429, 'TOOMANYREQUESTS'),
      headers: { 'retry-after': value },
    });
    await using server = await startScriptedRegistry([
      { ...deletion, answers: ['7', '86400', 'Thu, 01 Jan 1970 00:00:00 GMT', 'soon'].map(retry) },
    ]);
    await using opened = open(server.host);
    const wants = async () =>
      (await failureOf(opened.registry.deleteManifest(REPOSITORY, DIGEST), 'temporary')).retryAfterMs;
    assert.equal(await wants(), 7_000);
    assert.equal(await wants(), 300_000);
    assert.equal(await wants(), 0);
    assert.equal(await wants(), 0);
  });
});
