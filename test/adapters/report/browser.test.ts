/** The report as people see it: in a real Chromium. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { largeReport } from '../../../scripts/bench/large-report.ts';
import { Browser } from '../../../scripts/browser/index.ts';
import type { Page } from '../../../scripts/browser/page.ts';
import { renderReport } from '../../../src/adapters/report/page.ts';
import type { Report } from '../../../src/domain/report.ts';
import { A, B } from '../../domain/builders.ts';
import { HOSTILE, smallReport } from './reports.ts';

let folder: string;
let browser: Browser;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'report-'));
  browser = await Browser.start();
});
after(async () => {
  await browser?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

let files = 0;
function fileOf(text: string): string {
  files += 1;
  const path = join(folder, `page-${files}.html`);
  writeFileSync(path, text);
  return pathToFileURL(path).href;
}

async function open(report: Report): Promise<{ page: Page; url: string }> {
  const page = await browser.open();
  const url = fileOf([...renderReport(report)].join(''));
  await page.goTo(url);
  return { page, url };
}

/** Nothing went wrong, and nobody was asked for anything but the file itself. */
function assertQuiet({ page, url }: { page: Page; url: string }): void {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(page.requests, [url]);
}

const textOf = (page: Page, selector: string): Promise<string> =>
  page.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
const firstCells = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('#rows tbody th')].map((cell) => cell.innerText)`);
const focus = (page: Page, selector: string) =>
  page.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);

async function searchFor(page: Page, text: string): Promise<void> {
  await page.evaluate(`document.getElementById('search').select()`);
  await page.type(text);
}

async function choose(page: Page, label: string): Promise<void> {
  await page.evaluate(`{
    const status = document.getElementById('status');
    status.value = [...status.options].find(({ text }) => text.startsWith(${JSON.stringify(label)})).value;
    status.dispatchEvent(new Event('change'));
  }`);
}

describe('the report in a browser', () => {
  it('shows every tag; search and status narrow that down, and how many are left is said', async () => {
    const opened = await open(smallReport());
    const { page } = opened;
    assert.equal((await firstCells(page)).length, 12);
    assert.match(await textOf(page, '#count'), /^12 of 12 tags/);

    await searchFor(page, `${A} DEBUG`);
    assert.deepEqual(await firstCells(page), [`${A}-3-debug`]);
    assert.match(await textOf(page, '#count'), /^1 of 12 tags/);

    await searchFor(page, 'no such thing');
    assert.deepEqual(await firstCells(page), []);
    assert.equal(await textOf(page, '#count'), '0 of 12 tags');

    await searchFor(page, ' ');
    await choose(page, 'failed (2)');
    assert.deepEqual(await firstCells(page), [`${A}-4`, `${B}-1`]);
    await searchFor(page, `${B}`);
    assert.deepEqual(await firstCells(page), [`${B}-1`]);
    assert.equal(await page.evaluate(`document.getElementById('count').role`), 'status');
    assertQuiet(opened);
  });

  it('sorts, numbers as numbers, by keyboard as well', async () => {
    const opened = await open(smallReport());
    const { page } = opened;
    await searchFor(page, `${B}`);
    // From the search: the status, the table (it can be scrolled), then the first column's head.
    for (let times = 0; times < 3; times += 1) await page.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Tag');
    await page.press('Enter');
    assert.deepEqual(await firstCells(page), [`${B}-1`, `${B}-2`, `${B}-10`]);
    await page.press('Enter');
    assert.deepEqual(await firstCells(page), [`${B}-10`, `${B}-2`, `${B}-1`]);
    assert.equal(await page.evaluate(`document.activeElement.parentElement.ariaSort`), 'descending');
    assertQuiet(opened);
  });

  it('leads from an environment to its tags', async () => {
    const opened = await open(smallReport());
    await focus(opened.page, `[data-search="${B}"]`);
    await opened.page.press('Enter');
    assert.match(await textOf(opened.page, '#count'), /^3 of 12 tags/);
    assert.equal(await opened.page.evaluate('document.activeElement.id'), 'search');
    assertQuiet(opened);
  });

  it('is light or dark as the person likes it, and can be read in both', async () => {
    const { page } = await open(smallReport());
    const colours = async (scheme: 'light' | 'dark') => {
      await page.appear({ width: 1000, height: 800, scheme });
      return await page.evaluate(
        `((style) => [style.color, style.backgroundColor])(getComputedStyle(document.body))`,
      );
    };
    const [light, dark] = [await colours('light'), await colours('dark')];
    const brightness = (colour: string) =>
      colour.match(/\d+/g)?.reduce((sum, part) => sum + Number(part), 0) ?? 0;
    assert.ok(brightness(light[1]) - brightness(light[0]) > 500, `${light}`);
    assert.ok(brightness(dark[0]) - brightness(dark[1]) > 500, `${dark}`);
  });

  it('fits a narrow window: only tables are scrolled sideways', async () => {
    const { page } = await open(smallReport());
    await page.appear({ width: 400, height: 800 });
    assert.ok((await page.evaluate('document.documentElement.scrollWidth')) <= 400);
  });

  it('shows as text whatever the cluster and the registry say', async () => {
    const opened = await open(smallReport(HOSTILE));
    assert.doesNotMatch(await opened.page.evaluate('document.title'), /^taken/);
    assert.equal(
      await opened.page.evaluate(`document.querySelectorAll('img, main script, svg[onload]').length`),
      0,
    );
    await searchFor(opened.page, 'onerror');
    assert.deepEqual(await firstCells(opened.page), [`${A}-4`]);
    assert.ok((await textOf(opened.page, '#rows tbody .reason')).includes(HOSTILE[1]));
    assertQuiet(opened);
  });

  it('stays usable with 20,000 tags: a page at a time, all of them searched, sorted and printed in part', async () => {
    const opened = await open(largeReport({ tags: 20_000, failingEvery: 50, weighed: true }));
    const { page } = opened;
    assert.equal((await firstCells(page)).length, 100);
    assert.match(await textOf(page, '#page'), /^Page 1 of 200$/);
    const [first = ''] = await firstCells(page);
    await page.evaluate(`document.getElementById('next').click()`);
    assert.notEqual((await firstCells(page))[0], first);
    assert.match(await textOf(page, '#count'), /101 to 200 shown/);

    await searchFor(page, '-17');
    assert.ok((await firstCells(page)).every((tag) => tag.includes('-17')));
    assert.match(await textOf(page, '#page'), /^Page 1 of /);
    await searchFor(page, ' ');
    await choose(page, 'failed');
    assert.match(await textOf(page, '#count'), /^3\d\d of 20,000 tags/);

    await searchFor(page, ' ');
    await choose(page, 'all');
    const printed = page.evaluate(`new Promise((resolve) =>
      addEventListener('beforeprint', () => resolve([
        document.querySelectorAll('#rows tbody tr').length,
        document.querySelectorAll('details:not([open])').length,
        document.getElementById('count').textContent,
      ])))`);
    const pdf = await page.pdf();
    assert.deepEqual(await printed, [2000, 0, '20,000 of 20,000 tags, of which the first 2,000 are printed']);
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    assert.equal((await firstCells(page)).length, 100);
    assertQuiet(opened);
  });
});

describe('what these tests would see', () => {
  it('is a request, an error of a script, a warning, and what a policy has forbidden', async () => {
    const page = await browser.open();
    await page.goTo(
      fileOf(`<meta http-equiv="Content-Security-Policy" content="default-src 'unsafe-inline'; img-src file:">
        <img src="no-such-file.png"><p style="color: red"><img src="http://127.0.0.1:9/a.png">
        <script>console.warn('a warning'); setTimeout(() => { throw new Error('an error'); });</script>`),
    );
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 50))');
    const said = page.complaints.join('\n');
    assert.match(said, /a warning/);
    assert.match(said, /an error/);
    assert.match(said, /Content.?Security.?Policy/i);
    assert.ok(page.requests.some((url) => url.endsWith('no-such-file.png')));
  });
});
