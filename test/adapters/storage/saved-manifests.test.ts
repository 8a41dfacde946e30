import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { openSavedManifests } from '../../../src/adapters/storage/saved-manifests.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import { type Digest, legacyRepository } from '../../../src/domain/names.ts';
import type { SavedEntry, SavedManifests } from '../../../src/ports.ts';
import { A, tag } from '../../domain/builders.ts';
import { modeOf, temporaryFolder } from './folder.ts';

const REPOSITORY = legacyRepository(A);
const MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json';

async function savedIn(test: TestContext) {
  const path = join(temporaryFolder(test), 'saved.jsonl.gz');
  return { path, saved: await reopen(test, path) };
}

/** Another start of the program. */
async function reopen(test: TestContext, path: string): Promise<SavedManifests> {
  const saved = openSavedManifests(path);
  await saved.prepare();
  test.after(() => saved.close());
  return saved;
}

function manifest(content: string | Uint8Array): Required<Pick<SavedEntry, 'digest' | 'manifest'>> {
  const bytes = Buffer.from(content);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  return { digest, manifest: { mediaType: MEDIA_TYPE, bytes } };
}

function entry(name: string, content: string | Uint8Array = `{"manifest":"of ${name}"}`): SavedEntry {
  return { repository: REPOSITORY, tag: tag(name), ...manifest(content) };
}

async function save(saved: SavedManifests, noted: SavedEntry): Promise<void> {
  saved.note(noted);
  await saved.flush();
}

/** The tags and manifests that are read back, a line each. */
async function readBack(path: string): Promise<{ lines: string[]; damaged: number }> {
  const content = await openSavedManifests(path).read();
  const lines: string[] = [];
  for (const { tag: name, digest } of content.tags) {
    const found = await content.manifest(digest);
    lines.push(`${name} ${found === undefined ? 'without' : Buffer.from(found.bytes)}`);
  }
  await content.close();
  return { lines, damaged: content.damaged };
}

describe('what a run has saved', () => {
  it('is given back byte for byte, with the tags that stood for it', async (test) => {
    const { path, saved } = await savedIn(test);
    const twins = '{ "twins" : "é\\n" }\n\n';
    const binary = Uint8Array.of(0x7b, 0xff, 0xfe, 0x00, 0x0a, 0x7d);
    const child = { repository: REPOSITORY, ...manifest('{"child":1}') };
    await Promise.all(
      [entry('1', twins), entry('2', twins), entry('3', binary), child].map((each) => save(saved, each)),
    );
    const content = await openSavedManifests(path).read();
    test.after(() => content.close());
    assert.deepEqual(
      content.tags.map((each) => each.tag),
      ['1', '2', '3'],
    );
    for (const { digest, manifest: expected } of [entry('1', twins), entry('3', binary), child])
      assert.deepEqual(await content.manifest(digest), expected);
    assert.equal(content.damaged, 0);
    assert.equal(await content.manifest(manifest('other').digest), undefined);
  });

  it('can be read by a person: what it is, then a line for each entry', async (test) => {
    const { path, saved } = await savedIn(test);
    await save(saved, entry('1'));
    await save(saved, entry('2'));
    const [first = '', ...lines] = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n');
    assert.match(first, /npm run clean -- undo/);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).tag),
      ['1', '2'],
    );
    assert.equal(JSON.parse(lines[0] ?? '').manifest, '{"manifest":"of 1"}');
    assert.equal(modeOf(path), '600');
  });

  it('is on disk when saving returns, and only then known', async (test) => {
    const { path, saved } = await savedIn(test);
    const { digest } = entry('1');
    const saving = save(saved, entry('1'));
    assert.equal(saved.has(digest), false);
    await saving;
    assert.equal(saved.has(digest), true);
    assert.deepEqual((await readBack(path)).lines, ['1 {"manifest":"of 1"}']);
    assert.equal(await saved.size(), statSync(path).size);
  });

  it('is written together when it is given at the same time, each manifest once', async (test) => {
    const { path, saved } = await savedIn(test);
    const large = JSON.stringify({ pad: createHash('sha512').update('x').digest('hex').repeat(40) });
    const entries = Array.from({ length: 500 }, (_, n) => entry(`${n}`, large));
    await Promise.all(entries.map((each) => save(saved, each)));
    await save(saved, entry('last', large));
    assert.equal((await readBack(path)).lines.length, 501);
    assert.ok(statSync(path).size < 20_000, `${statSync(path).size} bytes`);
    const pieces = readFileSync(path).toString('latin1').split('\x1f\x8b\x08').length - 1;
    assert.ok(pieces <= 4, `${pieces} pieces`);
  });

  it('waits in memory until it is asked for, unless it is much', async (test) => {
    const { path, saved } = await savedIn(test);
    saved.note(entry('1'));
    await turn();
    assert.equal(existsSync(path), false);
    saved.note(entry('2', JSON.stringify({ pad: 'x'.repeat(1024 * 1024) })));
    while (!saved.has(entry('1').digest)) await turn();
    assert.equal((await readBack(path)).lines.length, 2);
  });

  it('is known to the next start, which goes on behind it', async (test) => {
    const { path, saved } = await savedIn(test);
    await save(saved, entry('1'));
    await saved.close();
    const next = await reopen(test, path);
    assert.equal(next.has(entry('1').digest), true);
    await save(next, entry('2'));
    assert.deepEqual((await readBack(path)).lines, ['1 {"manifest":"of 1"}', '2 {"manifest":"of 2"}']);
  });

  it('survives a crash in the middle of writing; what follows is readable, for gunzip as well', async (test) => {
    const { path, saved } = await savedIn(test);
    await save(saved, entry('1'));
    const whole = statSync(path).size;
    await save(saved, entry('2'));
    await saved.close();
    for (const end of [readFileSync(path).subarray(whole, -1), Buffer.alloc(4096), Buffer.from('\x1f\x8b')]) {
      writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, whole), end]));
      const next = await reopen(test, path);
      assert.equal(next.has(entry('2').digest), false);
      await save(next, entry('3'));
      assert.deepEqual(await readBack(path), {
        lines: ['1 {"manifest":"of 1"}', '3 {"manifest":"of 3"}'],
        damaged: 0,
      });
      gunzipSync(readFileSync(path));
      await next.close();
    }
  });

  it('is read around a piece that is damaged, and nothing else is lost, also by what follows', async (test) => {
    const { path, saved } = await savedIn(test);
    const ends: number[] = [];
    for (const name of ['1', '2', '3']) {
      await save(saved, entry(name));
      ends.push(statSync(path).size);
    }
    await saved.close();
    const bytes = readFileSync(path);
    const at = (ends[0] ?? 0) + 25;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
    assert.deepEqual(await readBack(path), {
      lines: ['1 {"manifest":"of 1"}', '3 {"manifest":"of 3"}'],
      damaged: 1,
    });
    const next = await reopen(test, path);
    assert.equal(next.has(entry('2').digest), false);
    await save(next, entry('2'));
    assert.equal((await readBack(path)).lines.length, 3);
  });

  it('is not given back under a digest that it does not have, nor under names that are none', async (test) => {
    const { path, saved } = await savedIn(test);
    await save(saved, { ...entry('1'), manifest: manifest('{"forged":true}').manifest });
    const forged = { ...entry('2'), repository: '../elsewhere' as typeof REPOSITORY };
    await save(saved, forged);
    assert.deepEqual(await readBack(path), { lines: ['1 without'], damaged: 1 });
  });

  it('cannot be saved any more once that has failed', async (test) => {
    const { path } = await savedIn(test);
    symlinkSync('/dev/null', path);
    const saved = openSavedManifests(path);
    await assert.rejects(saved.prepare(), StorageError);
    const full = openSavedManifests(join(temporaryFolder(test), 'none', 'saved'));
    await full.prepare();
    await assert.rejects(save(full, entry('1')), StorageError);
    await assert.rejects(save(full, entry('2')), StorageError);
    assert.equal(full.has(entry('1').digest), false);
  });

  it('is nothing where nothing was saved, and reading makes nothing', async (test) => {
    const { path, saved } = await savedIn(test);
    assert.equal(await saved.size(), 0);
    assert.deepEqual(await readBack(path), { lines: [], damaged: 0 });
    assert.equal(existsSync(path), false);
    appendFileSync(path, 'not a word of it');
    assert.deepEqual(await readBack(path), { lines: [], damaged: 1 });
  });
});
