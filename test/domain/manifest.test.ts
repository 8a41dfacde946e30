import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readManifest, readParts } from '../../src/domain/manifest.ts';
import { lostTagManifest } from '../../src/domain/untagging.ts';
import { digest, tag } from './builders.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const CHILD = `sha256:${'a'.repeat(64)}`;
const read = (document: unknown) => readText(JSON.stringify(document));
const readText = (text: string) => readManifest({ text, digest: digest('some') });

describe('readManifest', () => {
  it('gives the manifest the digest that it was found under', () => {
    const reading = readText(`{"schemaVersion":2, "mediaType":"${IMAGE}", "config":{}, "layers":[]}\n`);
    assert.equal(reading.state === 'found' && reading.manifest.digest, digest('some'));
  });

  it('recognises what this program has put there', () => {
    assert.deepEqual(readText(lostTagManifest(tag('7')).text), { state: 'own', own: { kind: 'lost' } });
  });

  it('finds the children of an index, whether or not it names its type', () => {
    for (const [mediaType, expected] of [
      [INDEX, INDEX],
      [LIST, LIST],
      [undefined, INDEX],
    ]) {
      const reading = read({ schemaVersion: 2, mediaType, manifests: [{ digest: CHILD }] });
      assert.ok(reading.state === 'found');
      assert.deepEqual(reading.manifest.children, [CHILD]);
      assert.equal(reading.manifest.mediaType, expected);
    }
  });

  it('finds an image that does not name its type', () => {
    const reading = read({ schemaVersion: 2, config: {}, layers: [] });
    assert.equal(reading.state === 'found' && reading.manifest.mediaType, IMAGE);
  });

  for (const [what, document] of [
    ['text', 'not an object'],
    ['a list', []],
    ['null', null],
    ['schema 1', { schemaVersion: 1, fsLayers: [], history: [], signatures: [] }],
    ['an unknown type', { schemaVersion: 2, mediaType: 'application/x-other', config: {}, layers: [] }],
    [
      'both an image and an index',
      { schemaVersion: 2, mediaType: IMAGE, config: {}, layers: [], manifests: [] },
    ],
    ['both, without a type', { schemaVersion: 2, config: {}, layers: [], manifests: [] }],
    [
      'an index that lists nothing readable',
      { schemaVersion: 2, mediaType: INDEX, manifests: [{ digest: 'x' }, null] },
    ],
    ['an index without a list', { schemaVersion: 2, mediaType: INDEX }],
  ] as const) {
    it(`understands nothing of ${what}`, () => assert.equal(read(document).state, 'unreadable'));
  }

  it('understands nothing of what is not JSON', () => {
    assert.equal(readText('<html>').state, 'unreadable');
    assert.equal(readText('').state, 'unreadable');
  });
});

describe('what a manifest needs', () => {
  const BLOB = `sha256:${'b'.repeat(64)}`;
  const parts = (document: unknown) => readParts(JSON.stringify(document), digest('some'));
  const image = (layers: unknown) =>
    parts({ schemaVersion: 2, mediaType: IMAGE, config: { digest: CHILD }, layers });

  it('are the configuration and the layers of an image', () => {
    assert.deepEqual(image([{ digest: BLOB }]), { blobs: [CHILD, BLOB], manifests: [] });
  });

  it('is nothing that is never pushed', () => {
    for (const mediaType of [
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    ])
      assert.deepEqual(image([{ digest: BLOB, mediaType }]), { blobs: [CHILD], manifests: [] });
    const urls = ['https://mcr.microsoft.com/x'];
    assert.deepEqual(image([{ digest: BLOB, urls }]), { blobs: [CHILD], manifests: [] });
    assert.deepEqual(image([{ digest: BLOB, urls: [] }])?.blobs, [CHILD, BLOB]);
  });

  it('are the manifests that an index lists, and what else it lists as a build cache does', () => {
    const layer = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
    const manifests = [
      { digest: CHILD, mediaType: IMAGE },
      { digest: BLOB, mediaType: layer },
    ];
    for (const mediaType of [INDEX, LIST, undefined])
      assert.deepEqual(parts({ schemaVersion: 2, mediaType, manifests }), {
        blobs: [BLOB],
        manifests: [CHILD],
      });
    assert.deepEqual(parts({ schemaVersion: 2, mediaType: INDEX, manifests: [{ digest: CHILD }] }), {
      ...{ blobs: [], manifests: [CHILD] },
    });
  });

  it('cannot be told of what is no manifest, nor of one without digests', () => {
    for (const layers of [7, [{}], [null], [{ digest: 'latest' }]]) assert.equal(image(layers), undefined);
    assert.equal(parts({ schemaVersion: 1 }), undefined);
    assert.equal(readParts('no JSON', digest('some')), undefined);
  });
});
