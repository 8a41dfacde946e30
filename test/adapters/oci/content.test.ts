import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Digest, Repository } from '../../../src/domain/names.ts';
import { startRegistry } from '../../support/registry.ts';
import { errorAnswer } from '../../support/script.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { IMAGE, MANIFESTS, open, REPOSITORY, tag } from './support/open.ts';

const UNKNOWN_DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest;
/** SHA-256 of `{}`: the config of every test image. */
const CONFIG_DIGEST = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' as Digest;

describe('What the registry holds', () => {
  it('is read and put back byte for byte', async () => {
    await using server = await startRegistry();
    const digest = await server.putImage(REPOSITORY, ['one']);
    await using opened = open(server.host, { credentials: server.credentials });
    const { registry } = opened;
    const manifest = await registry.readManifest(REPOSITORY, digest);
    assert.ok(manifest);
    assert.equal(manifest.mediaType, IMAGE);
    assert.equal(await registry.deleteManifest(REPOSITORY, digest), 'deleted');
    assert.equal(await registry.readManifest(REPOSITORY, digest), undefined);
    assert.equal(await registry.putManifest(REPOSITORY, digest, manifest), digest);
    assert.deepEqual(await server.tags(REPOSITORY), []);
    assert.equal(await registry.putManifest(REPOSITORY, tag('again'), manifest), digest);
    assert.equal(await server.digest(REPOSITORY, 'again'), digest);
  });

  it('is not put under a digest that is not its own', async () => {
    await using server = await startRegistry();
    await server.putImage(REPOSITORY, ['one']);
    await using opened = open(server.host, { credentials: server.credentials });
    const manifest = { mediaType: IMAGE, bytes: Buffer.from('{}') };
    await failureOf(opened.registry.putManifest(REPOSITORY, UNKNOWN_DIGEST, manifest), 'other');
  });

  it('is not what the registry made of it', async () => {
    await using server = await startScriptedRegistry([
      {
        method: 'PUT',
        path: `${MANIFESTS}/one`,
        answers: [{ status: 201, headers: { 'docker-content-digest': UNKNOWN_DIGEST } }],
      },
    ]);
    await using opened = open(server.host);
    const manifest = { mediaType: IMAGE, bytes: Buffer.from('{}') };
    const error = await failureOf(opened.registry.putManifest(REPOSITORY, tag('one'), manifest), 'other');
    assert.match(error.message, /another manifest/);
  });

  it('is not read with bytes of something else', async () => {
    await using server = await startScriptedRegistry([
      { method: 'GET', path: `${MANIFESTS}/${UNKNOWN_DIGEST}`, answers: [{ body: '{}' }] },
    ]);
    await using opened = open(server.host);
    await failureOf(opened.registry.readManifest(REPOSITORY, UNKNOWN_DIGEST), 'other');
  });
});

describe('A blob', () => {
  it('is there or unknown', async () => {
    await using server = await startRegistry();
    await server.putImage(REPOSITORY, ['one']);
    await using opened = open(server.host, { credentials: server.credentials });
    const { registry } = opened;
    assert.equal(await registry.knowsBlob(REPOSITORY, CONFIG_DIGEST), 'there');
    assert.equal(await registry.knowsBlob(REPOSITORY, UNKNOWN_DIGEST), 'unknown');
    assert.equal(await registry.knowsBlob('no/such' as Repository, UNKNOWN_DIGEST), 'unknown');
  });

  it('is known where the registry sends on to an object store, which is not asked', async () => {
    await using server = await startRegistry({ storage: 'object-store', redirects: true });
    await server.putImage(REPOSITORY, ['one']);
    await using opened = open(server.host, { credentials: server.credentials });
    assert.equal(await opened.registry.knowsBlob(REPOSITORY, CONFIG_DIGEST), 'known');
    assert.equal(await opened.registry.knowsBlob(REPOSITORY, UNKNOWN_DIGEST), 'unknown');
  });

  it('is neither when somebody else answers', async () => {
    const path = `/v2/some/repository/blobs/${UNKNOWN_DIGEST}`;
    await using server = await startScriptedRegistry([
      { method: 'HEAD', path, answers: [{ status: 404 }, { status: 404 }, { status: 500 }, { status: 404 }] },
      {
        method: 'GET',
        path,
        answers: [
          { status: 404, body: '<html>' },
          errorAnswer(404, 'BLOB_UNKNOWN'),
          { status: 206, body: 'x' },
        ],
      },
    ]);
    await using opened = open(server.host);
    const ask = () => opened.registry.knowsBlob(REPOSITORY, UNKNOWN_DIGEST);
    await failureOf(ask(), 'other');
    assert.equal(await ask(), 'unknown');
    await failureOf(ask(), 'temporary');
    assert.equal(await ask(), 'there');
  });
});
