import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Digest } from '../../../src/domain/names.ts';
import { throwAwayImage } from '../../../src/domain/throw-away-image.ts';
import { markerTag, throwAwayManifest } from '../../../src/domain/untagging.ts';
import { errorAnswer, type ScriptLine } from '../../support/script.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { IMAGE, INDEX, imageAt, MANIFESTS, nothingAt, open, REPOSITORY, tag } from './support/open.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const digestOf = (text: string) => `sha256:${sha256(text)}` as Digest;
const IMAGE_TEXT = JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config: {}, layers: [] });
const CHILD = digestOf(IMAGE_TEXT);
const INDEX_TEXT = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ digest: CHILD }] });
const FOUND_IMAGE = { state: 'found', manifest: { digest: CHILD, mediaType: IMAGE, children: [] } };

interface Told {
  readonly type: string;
  readonly digest?: string;
}

/** What the registry has under a reference, and what it says about it. */
function manifestAt(reference: string, body: string, { type, digest }: Told): ScriptLine {
  const headers = { 'content-type': type, ...(digest !== undefined && { 'docker-content-digest': digest }) };
  return { path: `${MANIFESTS}/${reference}`, answer: { headers, body } };
}

async function resolveAt(lines: readonly ScriptLine[], reference = 'one' as string) {
  await using server = await startScriptedRegistry(lines);
  await using opened = open(server.host);
  return await opened.registry.resolve(REPOSITORY, tag(reference));
}

describe('Looking at a tag', () => {
  it('asks for all four kinds of manifests', async () => {
    await using server = await startScriptedRegistry([imageAt('one', CHILD)]);
    await using opened = open(server.host);
    await opened.registry.resolve(REPOSITORY, tag('one'));
    const accepted = server.requests[0]?.headers.accept?.split(', ').sort();
    assert.deepEqual(accepted, [
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.docker.distribution.manifest.v2+json',
      INDEX,
      IMAGE,
    ]);
  });

  it('reads an index once, however many tags stand for it', async () => {
    const digest = digestOf(INDEX_TEXT);
    await using server = await startScriptedRegistry([
      {
        method: 'HEAD',
        path: /tag-\d+$/,
        answer: { headers: { 'content-type': INDEX, 'docker-content-digest': digest } },
      },
      { method: 'GET', path: `${MANIFESTS}/${digest}`, answers: [{ body: INDEX_TEXT }] },
    ]);
    await using opened = open(server.host);
    const look = (number: number) => opened.registry.resolve(REPOSITORY, tag(`tag-${number}`));
    const expected = { state: 'found', manifest: { digest, mediaType: INDEX, children: [CHILD] } };
    for (const resolution of await Promise.all(Array.from({ length: 100 }, (_, number) => look(number))))
      assert.deepEqual(resolution, expected);
    assert.deepEqual(await look(100), expected);
  });

  it('reads an index again that could not be read', async () => {
    const digest = digestOf(INDEX_TEXT);
    await using server = await startScriptedRegistry([
      {
        method: 'HEAD',
        path: `${MANIFESTS}/one`,
        answer: { headers: { 'content-type': INDEX, 'docker-content-digest': digest } },
      },
      { method: 'GET', path: `${MANIFESTS}/${digest}`, answers: [{ status: 500 }, { body: INDEX_TEXT }] },
    ]);
    await using opened = open(server.host);
    await failureOf(opened.registry.resolve(REPOSITORY, tag('one')), 'temporary');
    assert.equal((await opened.registry.resolve(REPOSITORY, tag('one'))).state, 'found');
  });

  for (const [what, digest] of [
    ['is missing', undefined],
    ['is odd', 'sha256:XYZ'],
    ['is of an unusual kind', `sha512:${'ab'.repeat(64)}`],
  ] as const)
    it(`computes the digest when its header ${what}`, async () => {
      const told = digest === undefined ? { type: IMAGE } : { type: IMAGE, digest };
      assert.deepEqual(await resolveAt([manifestAt('one', IMAGE_TEXT, told)]), FOUND_IMAGE);
    });

  it('reads what does not say that it is an image', async () => {
    const told = { type: 'application/json; charset=utf-8', digest: CHILD };
    assert.deepEqual(await resolveAt([manifestAt('one', IMAGE_TEXT, told)]), FOUND_IMAGE);
  });

  it('does not believe in bytes that have another digest', async () => {
    const digest = digestOf('something else');
    for (const lines of [
      [manifestAt('one', IMAGE_TEXT, { type: 'application/json', digest })],
      [
        manifestAt('one', INDEX_TEXT, { type: INDEX, digest }),
        manifestAt(digest, INDEX_TEXT, { type: INDEX, digest }),
      ],
    ]) {
      const error = await failureOf(resolveAt(lines), 'other');
      assert.match(error.message, new RegExp(digest));
    }
    const wrong = [manifestAt(digest, IMAGE_TEXT, { type: IMAGE, digest: CHILD })];
    await failureOf(resolveAt(wrong, digest), 'other');
  });

  it('understands nothing of schema 1, whose digest is not that of its bytes', async () => {
    const told = {
      type: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
      digest: digestOf('payload'),
    };
    const lines = [manifestAt('one', '{"schemaVersion":1,"fsLayers":[]}', told)];
    assert.equal((await resolveAt(lines)).state, 'unreadable');
  });

  it('does not take the word of a web server for that of a registry', async () => {
    const nothing = { status: 404, body: '<html>not found</html>' };
    for (const reference of ['one', CHILD])
      await failureOf(
        resolveAt([{ path: `${MANIFESTS}/${reference}`, answer: nothing }], reference),
        'other',
      );
  });

  it('recognises what Skopeo left of taking a dangling tag away, under that tag only', async () => {
    const { digest } = throwAwayImage({ repository: REPOSITORY, tag: tag('one') }, sha256);
    const lines = [imageAt('one', digest), imageAt('two', digest)];
    assert.equal((await resolveAt(lines)).state, 'dangling');
    assert.equal((await resolveAt(lines, 'two')).state, 'found');
  });

  it('asks for the listing once for all tags that the registry does not know', async () => {
    const names = Array.from({ length: 20 }, (_, number) => `tag-${number}`);
    await using server = await startScriptedRegistry([
      { path: '/v2/some/repository/tags/list', answer: { body: { tags: ['tag-7'] } } },
      ...names.flatMap(nothingAt),
    ]);
    await using opened = open(server.host, { concurrency: 4 });
    const states = await Promise.all(
      names.map(async (name) => (await opened.registry.resolve(REPOSITORY, tag(name))).state),
    );
    assert.deepEqual(
      states,
      names.map((name) => (name === 'tag-7' ? 'dangling' : 'gone')),
    );
    const listings = server.asked.filter((asked) => asked.endsWith('/tags/list'));
    assert.ok(listings.length < 10, String(listings.length));
  });

  it('says that a tag is untied, without remembering it of a digest that has gone', async () => {
    const marker = markerTag('20240102T030405Z-abcdef', 1);
    const { text } = throwAwayManifest({ marker, run: '20240102T030405Z-abcdef' });
    const digest = digestOf(text);
    const headers = { 'content-type': INDEX, 'docker-content-digest': digest };
    await using server = await startScriptedRegistry([
      { method: 'HEAD', path: `${MANIFESTS}/one`, answer: { headers } },
      {
        method: 'GET',
        path: `${MANIFESTS}/${digest}`,
        answers: [{ body: text }, errorAnswer(404, 'MANIFEST_UNKNOWN')],
      },
      { method: 'HEAD', path: `${MANIFESTS}/${digest}`, answers: [{ status: 404 }] },
    ]);
    await using opened = open(server.host);
    assert.deepEqual(await opened.registry.resolve(REPOSITORY, tag('one')), { state: 'untied', marker });
    assert.deepEqual(await opened.registry.resolve(REPOSITORY, digest), { state: 'gone' });
  });
});
