import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextPage } from '../../../src/adapters/oci/next-page.ts';
import { startDistribution3 } from '../../support/distribution3.ts';
import { startRegistry } from '../../support/registry.ts';
import { errorAnswer, type ScriptLine } from '../../support/script.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf } from '../registry-target.ts';
import { open, REPOSITORY } from './support/open.ts';

const LIST = '/v2/some/repository/tags/list';

/** A page, and where the next one is. */
function page(path: string, tags: unknown, next?: string): ScriptLine {
  const headers = next === undefined ? {} : { link: `<${next}>; rel="next"` };
  return { path, answers: [{ headers, body: { name: 'some/repository', tags } }] };
}

async function listFrom(lines: readonly ScriptLine[]) {
  await using server = await startScriptedRegistry(lines);
  await using opened = open(server.host);
  return await opened.registry.listTags(REPOSITORY);
}

describe('A list of tags', () => {
  it('is read page by page', async () => {
    const listing = await listFrom([
      page(LIST, ['a', 'b'], `${LIST}?last=b&n=2`),
      page(`${LIST}?last=b&n=2`, ['c'], `http://inner-name:5000${LIST}?last=c&n=2&state=x`),
      page(`${LIST}?last=c&n=2&state=x`, null),
    ]);
    assert.deepEqual(listing, { state: 'listed', tags: ['a', 'b', 'c'] });
  });

  it('is read from a registry of version 3', async () => {
    await using registry = await startRegistry();
    await using front = await startDistribution3(registry, { maxTags: 7 });
    const tags = Array.from({ length: 50 }, (_, number) => `tag-${number}`);
    registry.plantTags('some/repository', tags);
    await using opened = open(front.host, { credentials: registry.credentials });
    const listing = await opened.registry.listTags(REPOSITORY);
    assert.deepEqual(listing.state === 'listed' && [...listing.tags].sort(), tags.sort());
  });

  for (const [what, lines] of [
    [
      'a page fails',
      [page(LIST, ['a'], `${LIST}?last=a`), { path: `${LIST}?last=a`, answers: [{ status: 500 }] }],
    ],
    [
      'a page is missing',
      [
        page(LIST, ['a'], `${LIST}?last=a`),
        { path: `${LIST}?last=a`, answers: [errorAnswer(404, 'NAME_UNKNOWN')] },
      ],
    ],
    ['a page breaks off', [{ path: LIST, answers: [{ body: { tags: ['a', 'b'] }, cutAfterBytes: 9 }] }]],
    ['its pages go round', [page(LIST, ['a'], `${LIST}?last=a`), page(`${LIST}?last=a`, ['b'], LIST)]],
    ['a page is its own next one', [page(LIST, ['a'], LIST)]],
    ['it goes on in another repository', [page(LIST, ['a'], '/v2/other/tags/list')]],
    ['it goes on elsewhere', [page(LIST, ['a'], '../../../../token')]],
    ['it goes on nowhere', [page(LIST, ['a'], 'http://[')]],
    ['a tag is none', [page(LIST, ['a', '../../b'])]],
    ['a tag is a number', [page(LIST, ['a', 7])]],
    ['it is no list', [page(LIST, 'a')]],
    ['it is missing', [{ path: LIST, answers: [{ body: { name: 'x' } }] }]],
    ['it is no JSON', [{ path: LIST, answers: [{ body: '<html>' }] }]],
    ['a web server knows nothing', [{ path: LIST, answers: [{ status: 404, body: '<html>' }] }]],
    [
      'the registry answers 404 for another reason',
      [{ path: LIST, answers: [errorAnswer(404, 'PAGE_UNKNOWN')] }],
    ],
  ] satisfies [string, ScriptLine[]][])
    it(`fails when ${what}`, async () => {
      const failure = what === 'a page fails' || what === 'a page breaks off' ? 'temporary' : 'other';
      const error = await failureOf(listFrom(lines), failure);
      assert.match(error.message, /Could not list the tags of some\/repository/);
    });

  it('follows no link with credentials to another host', async () => {
    await using elsewhere = await startScriptedRegistry([]);
    const next = `${elsewhere.url}${LIST}?last=a`;
    await listFrom([page(LIST, ['a'], next), page(`${LIST}?last=a`, ['b'])]);
    assert.deepEqual(elsewhere.asked, []);
  });

  it('is the same for all who asked before it was begun', async () => {
    await using server = await startScriptedRegistry([
      page('/v2/first/tags/list', []),
      page(LIST, ['a']),
      page('/v2/last/tags/list', []),
    ]);
    await using opened = open(server.host, { concurrency: 1 });
    const { registry } = opened;
    const before = registry.listTags('first' as typeof REPOSITORY);
    const [one, two] = await Promise.all([registry.listTags(REPOSITORY), registry.listTags(REPOSITORY)]);
    assert.deepEqual(one, two);
    await before;
    await registry.listTags('last' as typeof REPOSITORY);
  });
});

describe('nextPage', () => {
  it('finds the next page among other links', () => {
    const other = '<https://example.test/help>; rel="help"';
    assert.equal(nextPage(`${other}, <${LIST}?last=b>; rel="next"`, LIST), `${LIST}?last=b`);
    assert.equal(nextPage(`<${LIST}?last=b>; title="more"; rel=next`, LIST), `${LIST}?last=b`);
    assert.equal(nextPage(`<?last=b>; rel="next"`, LIST), `${LIST}?last=b`);
    assert.equal(nextPage(other, LIST), undefined);
    assert.equal(nextPage('', LIST), undefined);
    assert.equal(nextPage(undefined, LIST), undefined);
  });
});
