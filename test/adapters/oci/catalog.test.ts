import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextPage } from '../../../src/adapters/oci/next-page.ts';
import { startRegistry } from '../../support/registry.ts';
import { errorAnswer, type ScriptLine } from '../../support/script.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { IMAGE, imageAt, MANIFESTS, open, REPOSITORY, tag } from './support/open.ts';

const CATALOG = '/v2/_catalog';
const FIRST = `${CATALOG}?n=1000`;

function page(path: string, repositories: unknown, next?: string): ScriptLine {
  const headers = next === undefined ? {} : { link: `<${next}>; rel="next"` };
  return { path, answers: [{ headers, body: { repositories } }] };
}

async function listFrom(lines: readonly ScriptLine[]) {
  await using server = await startScriptedRegistry(lines);
  await using opened = open(server.host);
  return await opened.registry.inventory?.listRepositories();
}

describe('The list of repositories', () => {
  it('is read page by page', async () => {
    const repositories = await listFrom([
      page(FIRST, ['a/b', 'c'], `${CATALOG}?last=c&n=1000`),
      page(`${CATALOG}?last=c&n=1000`, ['d'], `http://inner:5000${CATALOG}?last=d&n=1000`),
      page(`${CATALOG}?last=d&n=1000`, null),
    ]);
    assert.deepEqual(repositories, ['a/b', 'c', 'd']);
  });

  it('is read in the pages of a registry that gives smaller ones only', async () => {
    const repositories = await listFrom([
      { path: FIRST, answers: [errorAnswer(400, 'PAGINATION_NUMBER_INVALID')] },
      page(CATALOG, ['a'], `${CATALOG}?last=a&n=100`),
      page(`${CATALOG}?last=a&n=100`, ['b']),
    ]);
    assert.deepEqual(repositories, ['a', 'b']);
  });

  it('has pages in a real registry that lead on to one another', async () => {
    await using server = await startRegistry();
    const names = Array.from({ length: 7 }, (_, n) => `many/r${n}`);
    for (const name of names) await server.putImage(name, ['one']);
    const found: string[] = [];
    let pages = 0;
    for (let path: string | undefined = `${CATALOG}?n=3`; path !== undefined; pages += 1) {
      const answer = await server.request(path);
      found.push(...((await answer.json()) as { repositories: string[] }).repositories);
      path = nextPage(answer.headers.get('link') ?? undefined, path);
    }
    assert.deepEqual(found, names);
    assert.ok(pages >= 3);
    await using opened = open(server.host, { credentials: server.credentials });
    assert.deepEqual(await opened.registry.inventory?.listRepositories(), names);
  });

  for (const [what, lines] of [
    [
      'a page fails',
      [page(FIRST, ['a'], `${CATALOG}?last=a`), { path: `${CATALOG}?last=a`, answers: [{ status: 500 }] }],
    ],
    ['it is refused otherwise', [{ path: FIRST, answers: [errorAnswer(400, 'UNSUPPORTED')] }]],
    ['the registry has no catalogue', [{ path: FIRST, answers: [{ status: 404 }] }]],
    ['it is no list', [{ path: FIRST, answers: [{ body: { repositories: 'a' } }] }]],
    ['it names what is no repository', [page(FIRST, ['a', '../b'])]],
    ['its pages go round', [page(FIRST, ['a'], FIRST)]],
    ['it goes on in another list', [page(FIRST, ['a'], '/v2/a/tags/list')]],
  ] as const)
    it(`is none when ${what}`, async () => {
      await assert.rejects(listFrom(lines), { name: /Error/ });
    });
});

describe('What was seen before', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}` as never;
  const known = { digest, mediaType: IMAGE, children: [] };

  it('is asked for with one look, in which the registry need not read the manifest', async () => {
    await using server = await startScriptedRegistry([
      { method: 'HEAD', path: `${MANIFESTS}/one`, answers: [{ status: 304 }] },
    ]);
    await using opened = open(server.host);
    const resolution = await opened.registry.resolve(REPOSITORY, tag('one'), known);
    assert.deepEqual(resolution, { state: 'found', manifest: known });
    assert.equal(server.requests[0]?.headers['if-none-match'], `"${digest}"`);
  });

  it('is no answer to who has not asked so', async () => {
    await using server = await startScriptedRegistry([
      { method: 'HEAD', path: `${MANIFESTS}/one`, answers: [{ status: 304 }] },
    ]);
    await using opened = open(server.host);
    await failureOf(opened.registry.resolve(REPOSITORY, tag('one')), 'other');
  });

  it('does not keep a registry that knows no conditions from being understood', async () => {
    await using server = await startScriptedRegistry([imageAt('one', digest)]);
    await using opened = open(server.host);
    const resolution = await opened.registry.resolve(REPOSITORY, tag('one'), known);
    assert.deepEqual(resolution, { state: 'found', manifest: known });
  });
});
