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
  const partsOf = (text: string) => readParts(text, digest('x'));
  const blob = (letter: string) => `sha256:${letter.repeat(64)}`;

  it('is its config and its layers', () => {
    const layers = [{ digest: blob('b') }, { digest: blob('c') }];
    const image = { schemaVersion: 2, mediaType: IMAGE, config: { digest: blob('a') }, layers };
    assert.deepEqual(partsOf(JSON.stringify(image)), {
      blobs: [blob('a'), blob('b'), blob('c')],
      manifests: [],
    });
  });

  it('is not a layer that is to be fetched from elsewhere', () => {
    const layers = [
      { digest: blob('b'), urls: ['https://mcr.microsoft.com/x'] },
      { digest: blob('c'), urls: [] },
    ];
    const image = { schemaVersion: 2, mediaType: IMAGE, config: { digest: blob('a') }, layers };
    assert.deepEqual(partsOf(JSON.stringify(image))?.blobs, [blob('a'), blob('c')]);
  });

  it('is what an index lists', () => {
    const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ digest: CHILD }] };
    assert.deepEqual(partsOf(JSON.stringify(index)), { blobs: [], manifests: [CHILD] });
  });

  it('is unknown where something of it cannot be read', () => {
    const image = { schemaVersion: 2, mediaType: IMAGE, config: { digest: blob('a') } };
    for (const layers of [undefined, 'x', [null], [{}], [{ digest: 'x' }], [{ digest: blob('b') }, 7]])
      assert.equal(partsOf(JSON.stringify({ ...image, layers })), undefined, JSON.stringify(layers));
    for (const text of ['', '[]', 'null', '{"schemaVersion":1}']) assert.equal(partsOf(text), undefined);
  });
});
