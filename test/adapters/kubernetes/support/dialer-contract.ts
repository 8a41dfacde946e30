/** What the port `Dialer` promises, tried on the sandbox's registry: every route through the cluster runs this suite. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Fault } from '../../../../scripts/sandbox/faults.ts';
import { type Sandbox, startSandbox } from '../../../../scripts/sandbox/index.ts';
import { RegistryError } from '../../../../src/domain/errors.ts';
import type { ByteStream, Dialer } from '../../../../src/ports.ts';
import { timeLimit } from './connection.ts';
import { rawHttp } from './raw-http.ts';

interface Route {
  dialer(sandbox: Sandbox): Promise<Dialer>;
  /** Cuts the route's open sockets. */
  readonly drop: Fault;
  /** Takes away the pod that the route leads through. */
  readonly losePod: Fault;
}

export function isTemporary(error: unknown): true {
  assert.ok(error instanceof RegistryError, String(error));
  assert.equal(error.failure, 'temporary', error.message);
  return true;
}

export function testDialer(title: string, route: Route): void {
  describe(title, () => {
    let sandbox: Sandbox;
    let dialer: Dialer;
    const streams = new Set<ByteStream>();

    before(async () => {
      sandbox = await startSandbox({
        environments: 1,
        revisions: 1,
        legacy: 0,
        rolloutMs: 50,
        podStartMs: 20,
      });
      dialer = await route.dialer(sandbox);
    });
    afterEach(() => {
      for (const stream of streams) stream.close();
      streams.clear();
      sandbox.faults.clear();
    });
    after(() => sandbox.stop());

    async function dial(signal = timeLimit()): Promise<ByteStream> {
      const stream = await dialer.dial(signal);
      streams.add(stream);
      return stream;
    }

    /** Dials until the registry answers: it may take no connections, or cut them, while it starts. */
    async function answered(): Promise<void> {
      const signal = timeLimit();
      for (;;) {
        signal.throwIfAborted();
        try {
          assert.equal((await rawHttp(await dial(signal), sandbox)('GET /v2/')).status, 200);
          return;
        } catch (error) {
          if (!(error instanceof assert.AssertionError)) isTemporary(error);
        }
      }
    }

    test('carries many requests on one connection', async () => {
      const http = rawHttp(await dial(), sandbox);
      for (let count = 0; count < 50; count++) {
        const { status, body } = await http('GET /v2/');
        assert.deepEqual([status, body.toString()], [200, '{}']);
      }
    });

    test('carries large bodies both ways, byte by byte', async () => {
      const http = rawHttp(await dial(), sandbox);
      const blob = randomBytes(8 * 1024 * 1024);
      const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;
      const begun = await http('POST /v2/dialer/test/blobs/uploads/', { body: Buffer.alloc(0) });
      const { pathname, search } = new URL(begun.headers.get('location') ?? '');
      const put = `PUT ${pathname}${search}&digest=${digest}`;
      assert.equal((await http(put, { body: blob })).status, 201);
      const back = await http(`GET /v2/dialer/test/blobs/${digest}`);
      assert.equal(back.status, 200);
      assert.ok(back.body.equals(blob));
    });

    test('makes sixteen connections at once, and they do not mix', async () => {
      const all = await Promise.all(Array.from({ length: 16 }, () => dial()));
      await Promise.all(
        all.map(async (stream, at) => {
          const http = rawHttp(stream, sandbox);
          for (let count = 0; count < 20; count++) {
            const { status, body } = await http(`GET /v2/number-${at}/tags/list`);
            assert.equal(status, 404);
            assert.ok(body.includes(`"number-${at}"`), body.toString());
          }
        }),
      );
    });

    test('ends its output when the registry closes the connection', async () => {
      const stream = await dial();
      await stream.write(Buffer.from('GET /v2/ HTTP/1.1\r\nhost: registry\r\nconnection: close\r\n\r\n'));
      assert.match((await buffer(stream.output)).toString(), /^HTTP\/1\.1 401 /);
    });

    test('ends its output when the registry dies, and dials the next one', async () => {
      const { output } = await dial();
      const ended = buffer(output).catch(isTemporary);
      await sandbox.faults.inject({ fault: 'restartRegistry' });
      await ended;
      await answered();
    });

    test('fails when its socket is cut, and dials again', async () => {
      const stream = await dial();
      await rawHttp(stream, sandbox)('GET /v2/');
      const cut = assert.rejects(buffer((await dial()).output), isTemporary);
      await sandbox.faults.inject(route.drop);
      await cut;
      await assert.rejects(stream.write(Buffer.from('GET')), isTemporary);
      await answered();
    });

    test('ends its output when its pod is lost, and dials through the next one', async () => {
      const { output } = await dial();
      const lost = buffer(output).catch(isTemporary);
      await sandbox.faults.inject(route.losePod);
      await lost;
      await answered();
    });

    test('rejects with the signal’s reason, before and after the connection stands', async () => {
      const reason = new Error('enough');
      await assert.rejects(dialer.dial(AbortSignal.abort(reason)), reason);
      const control = new AbortController();
      const stream = await dial(control.signal);
      const read = assert.rejects(buffer(stream.output), reason);
      control.abort(reason);
      await read;
      await assert.rejects(stream.write(Buffer.from('GET')), reason);
    });

    test('ends its output when it is closed', async () => {
      const stream = await dial();
      const read = assert.rejects(buffer(stream.output), isTemporary);
      stream.close();
      await read;
    });
  });
}
