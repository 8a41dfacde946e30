import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type ListEntry, Objects } from '../../scripts/sandbox/registry/object-store/objects.ts';
import { startObjectStore } from '../../scripts/sandbox/registry/object-store.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('a registry on an object store', () => {
  let registry: TestRegistry;
  before(async () => {
    registry = await startRegistry({ storage: 'object-store', redirects: true });
  });
  after(() => registry[Symbol.asyncDispose]());

  const status = async (path: string, init?: RequestInit) =>
    (await registry.request(`/v2/${path}`, init)).status;
  const remove = (repository: string, reference: string) =>
    status(`${repository}/manifests/${reference}`, { method: 'DELETE' });

  it('stores, lists, finds and deletes images, and keeps them over a restart', async () => {
    const first = await registry.putImage('images', ['one', 'twin']);
    const second = await registry.putImage('images', ['two']);
    await registry.stop();
    await registry.start();
    assert.deepEqual(await registry.tags('images'), ['one', 'twin', 'two']);
    assert.equal(await registry.digest('images', 'twin'), first);
    assert.equal(await remove('images', first), 202);
    assert.deepEqual(await registry.tags('images'), ['two']);
    assert.equal(await registry.digest('images', 'two'), second);
  });

  it('lists more tags than an object store lists at once', async () => {
    const tags = Array.from({ length: 2500 }, (_, number) => `t${String(number).padStart(4, '0')}`);
    registry.plantTags('many', tags);
    assert.deepEqual(await registry.tags('many'), tags);
  });

  it('takes large blobs, in parts', async () => {
    const blob = 'abcdefgh'.repeat(2 ** 21);
    const begun = await registry.request('/v2/large/blobs/uploads/', { method: 'POST' });
    const location = new URL(begun.headers.get('location') ?? '');
    location.searchParams.set('digest', sha256(blob));
    const put = await registry.request(location.pathname + location.search, { method: 'PUT', body: blob });
    assert.equal(put.status, 201);
    const got = await registry.request(`/v2/large/blobs/${sha256(blob)}`);
    assert.equal(sha256(await got.text()), sha256(blob));
  });

  it('sends clients to the object store, where their credentials are not welcome', async () => {
    await registry.putImage('redirected', ['one']);
    for (const method of ['GET', 'HEAD']) {
      const path = `/v2/redirected/blobs/${sha256('{}')}`;
      const { status, headers } = await registry.request(path, { method, redirect: 'manual' });
      assert.equal(status, 307);
      const target = headers.get('location') ?? '';
      assert.equal(new URL(target).origin, registry.objectStore?.url);
      const fetched = await fetch(target, { method });
      assert.deepEqual([fetched.status, await fetched.text()], [200, method === 'GET' ? '{}' : '']);
      const authorization = 'Basic eA==';
      assert.equal((await fetch(target, { method, headers: { authorization } })).status, 400);
      // Signed for one method, one name and some time.
      assert.equal((await fetch(target, { method: method === 'GET' ? 'HEAD' : 'GET' })).status, 403);
      assert.equal((await fetch(target.replace('/data?', '/other?'), { method })).status, 403);
      assert.equal((await fetch(target.replace('Expires=1200', 'Expires=0'), { method })).status, 403);
    }
  });

  it('serves blobs itself unless told otherwise', async () => {
    await using direct = await startRegistry({ storage: 'object-store' });
    await direct.putImage('served', ['one']);
    const got = await direct.request(`/v2/served/blobs/${sha256('{}')}`, { redirect: 'manual' });
    assert.deepEqual([got.status, await got.text()], [200, '{}']);
  });

  it('is as slow as its object store', async () => {
    assert.ok(registry.objectStore);
    await registry.putImage('slow', ['one']);
    const took = async () => {
      const start = performance.now();
      await registry.digest('slow', 'one');
      return performance.now() - start;
    };
    registry.objectStore.readDelayMs = 100;
    try {
      assert.ok((await took()) >= 100);
    } finally {
      registry.objectStore.readDelayMs = 0;
    }
    const start = performance.now();
    registry.objectStore.writeDelayMs = 100;
    try {
      await registry.putImage('slow', ['two']);
    } finally {
      registry.objectStore.writeDelayMs = 0;
    }
    assert.ok(performance.now() - start >= 100);
  });

  // What is different there from files, as Distribution 2.8 behaves with any S3.
  it('does not know an emptied repository any more', async () => {
    const digest = await registry.putImage('emptied', ['only']);
    assert.equal(await remove('emptied', digest), 202);
    assert.equal(await status('emptied/tags/list'), 404);
  });

  it('leaves a tag without a manifest when another begins with its name and a hyphen', async () => {
    const digest = await registry.putImage('siblings', ['x-1', 'x-2']);
    await registry.putImage('siblings', ['x-1-debug', 'x-20'], 'another');
    assert.equal(await remove('siblings', digest), 202);
    assert.deepEqual(await registry.tags('siblings'), ['x-1', 'x-1-debug', 'x-20']);
    assert.equal(await registry.digest('siblings', 'x-1'), undefined);
  });

  it('loses tags and manifests behind its back', async () => {
    const digest = await registry.putImage('damaged', ['one', 'two']);
    assert.equal(await registry.untag('damaged', 'one'), true);
    assert.equal(await registry.untag('damaged', 'one'), false);
    assert.deepEqual(await registry.tags('damaged'), ['two']);
    await registry.loseManifest('damaged', digest);
    assert.deepEqual(await registry.tags('damaged'), ['two']);
    assert.equal(await registry.digest('damaged', 'two'), undefined);
  });
});

it('an object store answers nobody without a key', async () => {
  const store = await startObjectStore();
  try {
    store.put('secret', 'text');
    const unsigned = await fetch(`${store.url}/registry/secret`);
    assert.equal(unsigned.status, 403);
    const authorization =
      'AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00';
    const unknown = await fetch(`${store.url}/registry/secret`, { headers: { authorization } });
    assert.equal(unknown.status, 403);
    assert.match(await unknown.text(), /<Code>InvalidAccessKeyId</);
  } finally {
    await store.close();
  }
});

describe('objects in memory', () => {
  const name = (entry: ListEntry) => ('key' in entry ? entry.key : entry.commonPrefix);
  const key = fc
    .array(fc.constantFrom('a', 'b', '-', '/'), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join(''));

  /** Every name of a listing, by its definition. */
  function expected(keys: Iterable<string>, prefix: string, delimiter: string): string[] {
    const found = Array.from(keys).filter((key) => key.startsWith(prefix));
    const names = found.map((key) => {
      const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return end < 0 ? key : key.slice(0, end + 1);
    });
    return [...new Set(names)].sort();
  }

  it('are listed in order, summed up by delimiter, page after page', () => {
    const change = fc.record({ key, isDeleted: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 100 }),
        fc.constantFrom('', 'a', 'a/', 'a-'),
        fc.constantFrom('', '/'),
        fc.integer({ min: 1, max: 5 }),
        (changes, prefix, delimiter, limit) => {
          const objects = new Objects();
          const keys = new Set<string>();
          for (const { key, isDeleted } of changes) {
            if (isDeleted) assert.equal(objects.delete(key), keys.delete(key));
            else {
              objects.put(key, Buffer.from(key));
              keys.add(key);
            }
          }
          const listed: string[] = [];
          let page = objects.list({ prefix, delimiter, after: '', limit });
          listed.push(...page.entries.map(name));
          while (page.truncated) {
            page = objects.list({ prefix, delimiter, after: listed.at(-1) ?? '', limit });
            assert.ok(page.entries.length > 0);
            listed.push(...page.entries.map(name));
          }
          assert.deepEqual(listed, expected(keys, prefix, delimiter));
        },
      ),
    );
  });
});
