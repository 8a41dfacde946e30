import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TlsOptions } from '../../../src/adapters/oci/connect.ts';
import type { RegistryError } from '../../../src/domain/errors.ts';
import type { Dialer } from '../../../src/ports.ts';
import type { CertificateKind } from '../../support/certificates.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { dialerTo, open, REPOSITORY, timeLimit } from './support/open.ts';

const LISTING = { path: '/v2/some/repository/tags/list', answer: { body: { tags: ['a'] } } };

/** A dialer whose connections are bytes only, as those of a tunnel. */
function bytesOnly(dialer: Dialer): Dialer {
  return {
    async dial(signal) {
      const stream = await dialer.dial(signal);
      return {
        write: (data) => stream.write(data),
        output: stream.output,
        close: () => stream.close(),
      };
    },
  };
}

/** Lists over TLS at a server with such a certificate. */
async function listAt(kind: CertificateKind, tls: (ca: string) => TlsOptions) {
  await using server = await startScriptedRegistry([LISTING], { tls: kind });
  await using opened = open(server.host, { tls: tls(server.ca ?? '') });
  return await opened.registry.listTags(REPOSITORY);
}

async function refusalAt(kind: CertificateKind, tls: (ca: string) => TlsOptions): Promise<RegistryError> {
  return await failureOf(listAt(kind, tls), 'other');
}

describe('TLS', () => {
  const listing = { state: 'listed', tags: ['a'] };
  const trusting = (ca: string) => ({ ca, insecure: false });

  it('is spoken where the certificate is trusted', async () => {
    assert.deepEqual(await listAt('valid', trusting), listing);
  });

  it('is spoken over any bytes', async () => {
    await using server = await startScriptedRegistry([LISTING], { tls: 'valid' });
    const dialer = bytesOnly(dialerTo(server.host));
    await using opened = open(server.host, { dialer, tls: trusting(server.ca ?? '') });
    for (let round = 0; round < 3; round++)
      assert.deepEqual(await opened.registry.listTags(REPOSITORY), listing);
    assert.ok(server.requests.every(({ connection }) => connection === 0));
  });

  it('is refused by an authority that nobody knows, with what to do', async () => {
    const error = await refusalAt('valid', () => ({ insecure: false }));
    assert.match(error.message, /not signed by an authority that is trusted/);
    assert.match(error.next, /--tls-ca FILE.*--tls-insecure/);
  });

  it('is refused for another name', async () => {
    const error = await refusalAt('wrong-name', trusting);
    assert.match(error.message, /for another name/);
    assert.match(error.next, /--registry/);
  });

  it('is refused when the certificate has expired', async () => {
    assert.match((await refusalAt('expired', trusting)).message, /has expired/);
  });

  it('checks the name of the registry, not that of where the connection leads', async () => {
    await using server = await startScriptedRegistry([LISTING], { tls: 'valid' });
    const options = { dialer: dialerTo(server.host), tls: trusting(server.ca ?? '') };
    await using right = open('localhost:5000', options);
    assert.deepEqual(await right.registry.listTags(REPOSITORY), listing);
    await using wrong = open('docker-registry:5000', options);
    assert.match((await failureOf(wrong.registry.listTags(REPOSITORY), 'other')).message, /another name/);
  });

  for (const kind of ['valid', 'wrong-name', 'expired'] as const)
    it(`accepts any certificate when told to (${kind})`, async () => {
      assert.deepEqual(await listAt(kind, () => ({ insecure: true })), listing);
    });

  it('is never given up for plain HTTP', async () => {
    await using server = await startScriptedRegistry([]);
    await using opened = open(server.host, { tls: { insecure: true } });
    const error = await failureOf(opened.registry.check(timeLimit()), 'other');
    assert.match(error.message, /does not speak TLS/);
    assert.match(error.next, /--tls/);
    assert.deepEqual(server.asked, []);
  });

  it('is suggested where plain HTTP finds nobody who speaks it', async () => {
    await using server = await startScriptedRegistry([], { tls: 'valid' });
    await using opened = open(server.host);
    const error = await opened.registry.check(timeLimit()).then(
      () => assert.fail('It did not fail.'),
      (failure: RegistryError) => failure,
    );
    assert.match(error.next, /--tls/);
  });
});

describe('Connections that are bytes only', () => {
  it('carry large answers, and break as they should', async () => {
    const tags = Array.from({ length: 50_000 }, (_, number) => `tag-${number}`);
    const path = LISTING.path;
    await using server = await startScriptedRegistry([{ path, answers: [{ body: { tags } }, 'cut', 'cut'] }]);
    await using opened = open(server.host, { dialer: bytesOnly(dialerTo(server.host)) });
    assert.deepEqual(await opened.registry.listTags(REPOSITORY), { state: 'listed', tags });
    await failureOf(opened.registry.listTags(REPOSITORY), 'temporary');
  });
});
