import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { openManifestCache } from '../../../src/adapters/storage/manifest-cache.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import type { ManifestContent } from '../../../src/domain/manifest-content.ts';
import { type Digest, NEW_REPOSITORY } from '../../../src/domain/names.ts';
import { digest, tag } from '../../domain/builders.ts';
import { modeOf, temporaryFolder } from './folder.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}` as Digest;

function image(name: string, ...sizes: number[]): ManifestContent {
  const blobs = sizes.map((size, n) => ({ digest: digest(`${name} ${n}`), size }));
  return { digest: digest(name), mediaType: IMAGE, size: 1234, children: [], blobs };
}

const contents: readonly ManifestContent[] = [
  image('one', 0, 1, 35, 36, 2 ** 40),
  image('two'),
  { ...image('index'), mediaType: INDEX, children: [digest('one'), digest('two')] },
  { ...image('other', 5), digest: SHA512, blobs: [{ digest: SHA512, size: 7 }] },
];

async function filled(folder: string): Promise<string> {
  const cache = await openManifestCache(folder);
  for (const content of contents) cache.keep(content);
  cache.noteTag(NEW_REPOSITORY, tag('1'), digest('one'));
  cache.noteTag(NEW_REPOSITORY, tag('2'), digest('two'));
  cache.noteTag(NEW_REPOSITORY, tag('1'), digest('index'));
  await cache.close();
  return join(folder, 'manifests.cache');
}

describe('the cache of manifests', () => {
  it('gives back what was kept, also to whoever opens it later', async (test) => {
    const folder = temporaryFolder(test);
    await filled(folder);
    const cache = await openManifestCache(folder);
    for (const content of contents) assert.deepEqual(cache.content(content.digest), content);
    assert.equal(cache.content(digest('unknown')), undefined);
    assert.deepEqual(cache.lastSeen(NEW_REPOSITORY, tag('1')), {
      digest: digest('index'),
      mediaType: INDEX,
      children: [digest('one'), digest('two')],
    });
    assert.equal(cache.lastSeen(NEW_REPOSITORY, tag('3')), undefined);
    await cache.close();
  });

  it('is a file of whoever runs the program alone, and grows only by what is new', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(join(folder, 'state'));
    assert.equal(modeOf(path), '600');
    assert.equal(modeOf(join(folder, 'state')), '700');
    const before = readFileSync(path, 'utf8');
    const cache = await openManifestCache(join(folder, 'state'));
    for (const content of contents) cache.keep(content);
    cache.noteTag(NEW_REPOSITORY, tag('2'), digest('two'));
    await cache.close();
    assert.equal(readFileSync(path, 'utf8'), before);
  });

  it('drops a damaged line, whatever is wrong with it, and keeps the others', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    const lines = readFileSync(path, 'latin1').split('\n');
    const at = lines.findIndex((line) => line.startsWith('m '));
    const line = lines[at] ?? assert.fail();
    for (let position = 0; position < line.length; position += 7) {
      const other = line[position] === 'a' ? 'b' : 'a';
      const damaged = line.slice(0, position) + other + line.slice(position + 1);
      writeFileSync(path, lines.with(at, damaged).join('\n'));
      const cache = await openManifestCache(folder);
      assert.equal(cache.content(digest('one')), undefined, damaged);
      assert.deepEqual(cache.content(digest('two')), contents[1]);
      await cache.close();
    }
    for (const damaged of ['', 'm', 'm  0', `${line} ${line}`, line.slice(0, 40), '\0'.repeat(200)]) {
      writeFileSync(path, lines.with(at, damaged).join('\n'));
      const cache = await openManifestCache(folder);
      assert.equal(cache.content(digest('one')), undefined);
      assert.deepEqual(cache.content(digest('two')), contents[1]);
      await cache.close();
    }
  });

  it('reads again what it does not understand, although it is not damaged', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    const line =
      readFileSync(path, 'latin1')
        .split('\n')
        .find((each) => each.startsWith('m ')) ?? assert.fail();
    const [kind, short] = line.split(' ');
    for (const words of [
      [kind, short],
      [kind, short, IMAGE, 'x?', '-', '-'],
      [kind, short, IMAGE, '7', '-', 'no:1'],
    ]) {
      const text = words.join(' ');
      writeFileSync(path, `${text} ${crc32(text).toString(36)}\n`);
      const cache = await openManifestCache(folder);
      assert.equal(cache.content(digest('one')), undefined, text);
      cache.keep(image('one', 3));
      await cache.close();
      const again = await openManifestCache(folder);
      assert.deepEqual(again.content(digest('one')), image('one', 3));
      await again.close();
    }
  });

  it('reads a damaged manifest again, and knows it from then on', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    writeFileSync(path, readFileSync(path, 'latin1').slice(0, 60));
    const cache = await openManifestCache(folder);
    assert.equal(cache.content(digest('one')), undefined);
    cache.keep(image('one', 3));
    await cache.close();
    const again = await openManifestCache(folder);
    assert.deepEqual(again.content(digest('one')), image('one', 3));
    await again.close();
  });

  it('is appended to by two at a time', async (test) => {
    const folder = temporaryFolder(test);
    const caches = [await openManifestCache(folder), await openManifestCache(folder)];
    const many = Array.from({ length: 3000 }, (_, n) =>
      image(`${n}`, ...Array.from({ length: 20 }, () => n)),
    );
    for (const [n, content] of many.entries()) caches[n % 2]?.keep(content);
    await Promise.all(caches.map((cache) => cache.close()));
    const cache = await openManifestCache(folder);
    for (const content of many) assert.deepEqual(cache.content(content.digest), content);
    await cache.close();
  });

  it('survives a line that somebody was killed in the middle of', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    appendFileSync(path, 'm half');
    const cache = await openManifestCache(folder);
    cache.keep(image('three', 3));
    await cache.close();
    const again = await openManifestCache(folder);
    for (const content of [...contents, image('three', 3)])
      assert.deepEqual(again.content(content.digest), content);
    await again.close();
  });

  it('follows no symbolic link, and tells of a disk that cannot be written', async (test) => {
    const folder = temporaryFolder(test);
    writeFileSync(join(folder, 'elsewhere'), '');
    mkdirSync(join(folder, 'state'));
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'state', 'manifests.cache'));
    await assert.rejects(openManifestCache(join(folder, 'state')), StorageError);
    mkdirSync(join(folder, 'other'));
    const cache = await openManifestCache(join(folder, 'other'));
    mkdirSync(join(folder, 'other', 'manifests.cache'));
    cache.keep(image('one'));
    await assert.rejects(cache.close(), StorageError);
    chmodSync(join(folder, 'other'), 0o700);
  });
});
