import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { largeReport } from '../../../scripts/bench/large-report.ts';
import { html, verbatim } from '../../../src/adapters/report/html.ts';
import { renderReport } from '../../../src/adapters/report/page.ts';
import { makeReport, type Report } from '../../../src/domain/report.ts';
import { HOSTILE, smallReport } from './reports.ts';

const LARGEST_BYTES = 6 * 1024 * 1024;

function rendered(report: Report): string {
  return [...renderReport(report)].join('');
}

/** What stands between a start tag and its end tag, which come once. */
function contentOf(page: string, startTag: string): string {
  const [, after = '', ...more] = page.split(startTag);
  assert.equal(more.length, 0, `${startTag} comes once`);
  return after.slice(0, after.indexOf('</'));
}

/** What is shown without the script. */
function mainOf(page: string): string {
  return page.slice(page.indexOf('<main>'), page.indexOf('</main>'));
}

describe('the page', () => {
  const page = rendered(smallReport());

  it('has a policy that allows its own style sheet and script, and nothing else', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? '';
    const directives = policy.replaceAll('&#39;', "'").split('; ');
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    assert.deepEqual(directives, [
      "default-src 'none'",
      `style-src ${hash(contentOf(page, '<style>'))}`,
      `script-src ${hash(contentOf(page, '<script type="module">'))}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
  });

  it('has nothing that the policy forbids, nor anything from elsewhere', () => {
    const [, body = ''] = page.split('<body>');
    assert.doesNotMatch(body, /<[^>]+ style=|<[^>]+ on\w+=|<(img|link|iframe|object|embed|form)\b/i);
    assert.doesNotMatch(page, /https?:|url\(|@import|\/\/[a-z]/i);
  });

  it('says how the run has ended, and its figures', () => {
    assert.match(page, /<strong>plain words<\/strong>/);
    assert.match(page, /failed<\/dt><dd>2<\/dd>/);
    assert.match(page, /shared digest[\s\S]*in use/);
    assert.match(page, /2 min 02 s/);
    assert.match(page, /5 GiB/);
  });

  it('says something where there is nothing to say', () => {
    const { run } = smallReport();
    const source = {
      record: { ...run, steps: {} },
      plans: [],
      outcomes: { of: () => undefined },
      environments: [],
    };
    const empty = rendered(makeReport(source as never, { error: undefined, writtenAt: '' }));
    assert.match(empty, /There is no tag/);
    assert.match(empty, /Nothing had to be protected/);
    assert.match(empty, /Nothing failed/);
    assert.doesNotMatch(mainOf(empty), /NaN|undefined|Infinity/);
  });

  it('has one bar for all environments beyond the first, and rows for all', () => {
    const many = rendered(largeReport({ tags: 2000, failingEvery: 7, weighed: false }));
    assert.match(many, /35 others, on average<\/text><text[^>]*>1,400 tags in all</);
    assert.equal(many.match(/<td class="figure">40<\/td><\/tr>/g)?.length, 50);
    assert.doesNotMatch(mainOf(many), /NaN|undefined|Infinity|bytes/i);
  });
});

describe('words from outside', () => {
  const page = rendered(smallReport(HOSTILE));

  it('are text, wherever they stand', () => {
    const plain = rendered(smallReport());
    const elements = (text: string) => text.match(/<[a-z/!][^>]*/gi)?.length;
    assert.equal(elements(page), elements(plain));
    for (const word of HOSTILE) assert.ok(page.includes(html`${word}`.text), word);
  });

  it('cannot end the data, which say the same', () => {
    const data = JSON.parse(contentOf(page, '<script type="application/json" id="data">'));
    assert.ok(data.reasons.includes(HOSTILE[1]));
    assert.ok(data.reasons.includes(HOSTILE[2]));
  });

  it('are escaped by the one way to make markup; a file of our own that would end its element is refused', () => {
    assert.equal(
      html`<p title="${`"'<&>`}">${['a', 1, undefined]}${html`<b>`}</p>`.text,
      '<p title="&quot;&#39;&lt;&amp;&gt;">a1<b></p>',
    );
    assert.throws(() => verbatim('</style>'));
    assert.throws(() => verbatim('a <!-- b'));
  });
});

describe('the report of 20,000 tags', () => {
  for (const [what, failingEvery] of [
    ['most of which were deleted', 50],
    ['all of which failed, each for a reason of its own', 1],
  ] as const)
    it(`weighs less than 6 MiB: ${what}`, () => {
      const bytes = Buffer.byteLength(rendered(largeReport({ tags: 20_000, failingEvery, weighed: true })));
      assert.ok(bytes > 1024 ** 2 && bytes < LARGEST_BYTES, `${bytes} bytes`);
    });
});
