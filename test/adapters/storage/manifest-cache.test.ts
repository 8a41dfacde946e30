import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { openManifestCache } from '../../../src/adapters/storage/manifest-cache.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import type { ManifestContent } from '../../../src/domain/manifest-content.ts';
import { type Digest, NEW_REPOSITORY } from '../../../src/domain/names.ts';
import { digest, tag } from '../../domain/builders.ts';
import { modeOf, temporaryFolder } from './folder.ts';

const REGISTRY = 'docker-registry:5000 of prod';
const AT_MS = Date.UTC(2026, 10, 23, 10);
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
  image('huge', ...Array.from({ length: 5000 }, (_, n) => n)),
  { ...image('other', 5), digest: SHA512, blobs: [{ digest: SHA512, size: 7 }] },
];

async function filled(folder: string): Promise<string> {
  const cache = await openManifestCache(folder, REGISTRY);
  for (const content of contents) cache.keep(content);
  cache.noteTag(NEW_REPOSITORY, tag('1'), { digest: digest('one'), atMs: AT_MS });
  cache.noteTag(NEW_REPOSITORY, tag('2'), { digest: digest('two'), atMs: AT_MS });
  cache.noteTag(NEW_REPOSITORY, tag('1'), { digest: digest('index'), atMs: AT_MS });
  await cache.close();
  return join(folder, 'manifests.cache');
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'latin1')
    .split('\n')
    .filter((line) => line !== '');
}

describe('the cache of manifests', () => {
  it('gives back what was kept, also to whoever opens it later', async (test) => {
    const folder = temporaryFolder(test);
    await filled(folder);
    const cache = await openManifestCache(folder, REGISTRY);
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

  it('says when a tag was looked at, to the second, as long as that counts', async (test) => {
    const folder = temporaryFolder(test);
    await filled(folder);
    const cache = await openManifestCache(folder, REGISTRY);
    assert.equal(cache.seenAtMs(NEW_REPOSITORY, tag('1')), AT_MS);
    cache.noteTag(NEW_REPOSITORY, tag('1'), { digest: digest('index'), atMs: AT_MS + 61_999 });
    cache.noteTag(NEW_REPOSITORY, tag('3'), { digest: digest('one'), atMs: undefined });
    cache.doubtTag(NEW_REPOSITORY, tag('2'));
    cache.doubtTag(NEW_REPOSITORY, tag('4'));
    await cache.close();
    const again = await openManifestCache(folder, REGISTRY);
    for (const each of [cache, again]) {
      assert.equal(each.seenAtMs(NEW_REPOSITORY, tag('1')), AT_MS + 61_000);
      for (const name of ['2', '3', '4']) assert.equal(each.seenAtMs(NEW_REPOSITORY, tag(name)), undefined);
      assert.equal(each.lastSeen(NEW_REPOSITORY, tag('2'))?.digest, digest('two'));
      assert.equal(each.lastSeen(NEW_REPOSITORY, tag('3'))?.digest, digest('one'));
      assert.equal(each.lastSeen(NEW_REPOSITORY, tag('4')), undefined);
    }
    await again.close();
  });

  it('knows the manifests of all registries, and only the tags of one', async (test) => {
    const folder = temporaryFolder(test);
    await filled(folder);
    const other = await openManifestCache(folder, 'docker-registry:5000 of staging');
    assert.deepEqual(other.content(digest('one')), contents[0]);
    assert.equal(other.lastSeen(NEW_REPOSITORY, tag('1')), undefined);
    assert.equal(other.seenAtMs(NEW_REPOSITORY, tag('1')), undefined);
    other.noteTag(NEW_REPOSITORY, tag('1'), { digest: digest('two'), atMs: AT_MS });
    await other.close();
    const cache = await openManifestCache(folder, REGISTRY);
    assert.equal(cache.lastSeen(NEW_REPOSITORY, tag('1'))?.digest, digest('index'));
    await cache.close();
  });

  it('does not count what earlier versions have seen, of which nobody knows when that was', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    const line = linesOf(path).findLast((each) => each.startsWith('t ')) ?? assert.fail();
    const [kind, , repository, , short] = line.split(' ');
    const text = [kind, repository, '5', short].join(' ');
    appendFileSync(path, `${text} ${crc32(text).toString(36)}\n`);
    const cache = await openManifestCache(folder, REGISTRY);
    assert.equal(cache.lastSeen(NEW_REPOSITORY, tag('5')), undefined);
    assert.equal(cache.lastSeen(NEW_REPOSITORY, tag('1'))?.digest, digest('index'));
    await cache.close();
  });

  it('is a file of whoever runs the program alone, and grows only by what is new', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(join(folder, 'state'));
    assert.equal(modeOf(path), '600');
    assert.equal(modeOf(join(folder, 'state')), '700');
    const before = readFileSync(path, 'utf8');
    const cache = await openManifestCache(join(folder, 'state'), REGISTRY);
    for (const content of contents) cache.keep(content);
    cache.noteTag(NEW_REPOSITORY, tag('2'), { digest: digest('two'), atMs: AT_MS });
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
      const cache = await openManifestCache(folder, REGISTRY);
      assert.equal(cache.content(digest('one')), undefined, damaged);
      assert.deepEqual(cache.content(digest('two')), contents[1]);
      await cache.close();
    }
    for (const damaged of ['', 'm', 'm  0', `${line} ${line}`, line.slice(0, 40), '\0'.repeat(200)]) {
      writeFileSync(path, lines.with(at, damaged).join('\n'));
      const cache = await openManifestCache(folder, REGISTRY);
      assert.equal(cache.content(digest('one')), undefined);
      assert.deepEqual(cache.content(digest('two')), contents[1]);
      await cache.close();
    }
  });

  it('reads again what it does not understand, although it is not damaged', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    const line = linesOf(path).find((each) => each.startsWith('m ')) ?? assert.fail();
    const [kind, short] = line.split(' ');
    for (const words of [
      [kind, short],
      [kind, short, IMAGE, 'x?', '-', '-'],
      [kind, short, IMAGE, '7', '-', 'no:1'],
    ]) {
      const text = words.join(' ');
      writeFileSync(path, `${text} ${crc32(text).toString(36)}\n`);
      const cache = await openManifestCache(folder, REGISTRY);
      assert.equal(cache.content(digest('one')), undefined, text);
      cache.keep(image('one', 3));
      await cache.close();
      const again = await openManifestCache(folder, REGISTRY);
      assert.deepEqual(again.content(digest('one')), image('one', 3));
      await again.close();
    }
  });

  it('reads a damaged manifest again, and knows it from then on', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    writeFileSync(path, readFileSync(path, 'latin1').slice(0, 60));
    const cache = await openManifestCache(folder, REGISTRY);
    assert.equal(cache.content(digest('one')), undefined);
    cache.keep(image('one', 3));
    await cache.close();
    const again = await openManifestCache(folder, REGISTRY);
    assert.deepEqual(again.content(digest('one')), image('one', 3));
    await again.close();
  });

  it('is appended to by two at a time', async (test) => {
    const folder = temporaryFolder(test);
    const caches = [await openManifestCache(folder, REGISTRY), await openManifestCache(folder, REGISTRY)];
    const many = Array.from({ length: 3000 }, (_, n) =>
      image(`${n}`, ...Array.from({ length: 20 }, () => n)),
    );
    for (const [n, content] of many.entries()) caches[n % 2]?.keep(content);
    await Promise.all(caches.map((cache) => cache.close()));
    const cache = await openManifestCache(folder, REGISTRY);
    for (const content of many) assert.deepEqual(cache.content(content.digest), content);
    await cache.close();
  });

  it('survives a line that somebody was killed in the middle of', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    appendFileSync(path, 'm half');
    const cache = await openManifestCache(folder, REGISTRY);
    cache.keep(image('three', 3));
    await cache.close();
    const again = await openManifestCache(folder, REGISTRY);
    for (const content of [...contents, image('three', 3)])
      assert.deepEqual(again.content(content.digest), content);
    await again.close();
  });

  it('follows no symbolic link, and tells of a disk that cannot be written', async (test) => {
    const folder = temporaryFolder(test);
    writeFileSync(join(folder, 'elsewhere'), '');
    mkdirSync(join(folder, 'state'));
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'state', 'manifests.cache'));
    await assert.rejects(openManifestCache(join(folder, 'state'), REGISTRY), StorageError);
    mkdirSync(join(folder, 'other'));
    const cache = await openManifestCache(join(folder, 'other'), REGISTRY);
    mkdirSync(join(folder, 'other', 'manifests.cache'));
    cache.keep(image('one'));
    await assert.rejects(cache.close(), StorageError);
    chmodSync(join(folder, 'other'), 0o700);
  });
});

describe('a cache of manifests of which most lines do not count any more', () => {
  const TAGS = 1500;

  /** Looks at many tags again and again; two of them stand for something else in the end. */
  async function worn(folder: string): Promise<string> {
    await filled(folder);
    const other = await openManifestCache(folder, 'another');
    other.noteTag(NEW_REPOSITORY, tag('1'), { digest: digest('two'), atMs: AT_MS });
    await other.close();
    const cache = await openManifestCache(folder, REGISTRY);
    for (let round = 0; round < 5; round += 1)
      for (let n = 1; n <= TAGS; n += 1)
        cache.noteTag(NEW_REPOSITORY, tag(`${n}`), { digest: digest('one'), atMs: AT_MS + round * 1000 });
    cache.noteTag(NEW_REPOSITORY, tag('2'), { digest: digest('two'), atMs: AT_MS + 60_000 });
    cache.doubtTag(NEW_REPOSITORY, tag('3'));
    await cache.close();
    const path = join(folder, 'manifests.cache');
    appendFileSync(path, 'm damaged\n');
    return path;
  }

  async function assertKept(folder: string): Promise<void> {
    const cache = await openManifestCache(folder, REGISTRY);
    for (const content of contents) assert.deepEqual(cache.content(content.digest), content);
    for (let n = 1; n <= TAGS; n += 1) {
      const name = n === 2 ? 'two' : 'one';
      assert.equal(cache.lastSeen(NEW_REPOSITORY, tag(`${n}`))?.digest, digest(name), `${n}`);
      const seenAtMs = n === 2 ? AT_MS + 60_000 : n === 3 ? undefined : AT_MS + 4000;
      assert.equal(cache.seenAtMs(NEW_REPOSITORY, tag(`${n}`)), seenAtMs, `${n}`);
    }
    await cache.close();
    const other = await openManifestCache(folder, 'another');
    assert.equal(other.lastSeen(NEW_REPOSITORY, tag('1'))?.digest, digest('two'));
    await other.close();
  }

  it('is written anew with those that do, and is as private as before', async (test) => {
    const folder = temporaryFolder(test);
    const path = await worn(folder);
    assert.ok(linesOf(path).length > 5 * TAGS);
    await assertKept(folder);
    assert.equal(linesOf(path).length, contents.length + TAGS + 1);
    assert.equal(modeOf(path), '600');
    assert.deepEqual(readdirSync(folder), ['manifests.cache']);
    const before = readFileSync(path);
    await assertKept(folder);
    assert.deepEqual(readFileSync(path), before);
  });

  it('is left as it is while that is hardly worth it', async (test) => {
    const folder = temporaryFolder(test);
    const path = await filled(folder);
    const cache = await openManifestCache(folder, REGISTRY);
    for (let round = 0; round < 100; round += 1)
      cache.noteTag(NEW_REPOSITORY, tag('1'), { digest: digest('one'), atMs: AT_MS + round * 1000 });
    await cache.close();
    const before = readFileSync(path);
    await (await openManifestCache(folder, REGISTRY)).close();
    assert.deepEqual(readFileSync(path), before);
  });

  it('survives that somebody is killed while it is written anew', async (test) => {
    const folder = temporaryFolder(test);
    const path = await worn(folder);
    // Before the new one took the old one's place.
    writeFileSync(`${path}.new`, readFileSync(path).subarray(0, 1000));
    await assertKept(folder);
    assert.deepEqual(readdirSync(folder), ['manifests.cache']);
    assert.equal(linesOf(path).length, contents.length + TAGS + 1);
    writeFileSync(`${path}.new`, 'what is left counts for nothing');
    await assertKept(folder);
  });

  it('takes what is appended to it from then on, and goes well without what others append to the old one', async (test) => {
    const folder = temporaryFolder(test);
    const path = await worn(folder);
    const old = openSync(path, 'a');
    const cache = await openManifestCache(folder, REGISTRY);
    const text = `${linesOf(path)[0]}\n`;
    writeSync(old, text);
    closeSync(old);
    cache.keep(image('three', 3));
    await cache.close();
    const again = await openManifestCache(folder, REGISTRY);
    assert.deepEqual(again.content(digest('three')), image('three', 3));
    await again.close();
    await assertKept(folder);
  });

  it('is used as it is where it cannot be written anew', async (test) => {
    const folder = temporaryFolder(test);
    const path = await worn(folder);
    mkdirSync(`${path}.new`);
    const before = readFileSync(path);
    await assertKept(folder);
    assert.deepEqual(readFileSync(path), before);
  });
});
