import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf, readManifest } from '../../../src/adapters/skopeo/manifest.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const CHILD = `sha256:${'a'.repeat(64)}`;
const read = (document: unknown) => readManifest(Buffer.from(JSON.stringify(document)));

describe('readManifest', () => {
  it('takes the digest of the exact bytes', () => {
    const bytes = Buffer.from(`{"schemaVersion":2,  "config":{}, "layers":[]}\n`);
    const reading = readManifest(bytes);
    assert.equal(reading.state === 'found' && reading.manifest.digest, digestOf(bytes));
    assert.equal(
      digestOf(Buffer.from('')),
      'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
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
    assert.equal(readManifest(Buffer.from('<html>')).state, 'unreadable');
    assert.equal(readManifest(Buffer.alloc(0)).state, 'unreadable');
  });
});
