/** What the report of 20,000 tags takes: to be made and written, its size, and until a browser shows it. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createReportWriter } from '../../src/compose/report.ts';
import { Browser } from '../browser/index.ts';
import type { Bench, Case } from './case.ts';
import { type LargeReport, largeReport } from './large-report.ts';

const TAGS = 20_000;
const MIB = 1024 * 1024;

interface Opened {
  readonly writtenMs: number;
  readonly bytes: number;
  /** Until it has loaded and was drawn, its table filled. */
  readonly openedMs: number;
  /** From a word typed into the search until its result is shown. */
  readonly searchedMs: number;
}

export const opening: Case = {
  describe: 'the report of 20,000 tags: written, and opened in Chromium',

  async run(bench) {
    const tags = Math.max(40, Math.round(TAGS * bench.share));
    const all = await measure(bench, 'all deleted', { tags, failingEvery: 0, weighed: true });
    const failed = await measure(bench, 'all failed', { tags, failingEvery: 1, weighed: true });
    return {
      title: `The report of ${tags} tags`,
      columns: [
        { key: 'writtenMs', title: 'made and written', unit: 'ms' },
        { key: 'bytes', title: 'size', unit: 'bytes' },
        { key: 'openedMs', title: 'opened in Chromium', unit: 'ms' },
        { key: 'searchedMs', title: 'searched', unit: 'ms' },
      ],
      rows: [
        { what: 'all deleted', figures: { ...all } },
        { what: 'all failed, each for its own reason', figures: { ...failed } },
      ],
      aims: [
        {
          what: 'opened',
          unit: 'ms',
          figure: Math.max(all.openedMs, failed.openedMs),
          bound: 'at most',
          limit: 2000,
        },
        {
          what: 'size',
          unit: 'bytes',
          figure: Math.max(all.bytes, failed.bytes),
          bound: 'at most',
          limit: 6 * MIB,
        },
      ],
    };
  },
};

/** As often as asked for; of the openings, the one in the middle counts. Each has a browser of its own, which knows nothing yet. */
async function measure({ life, times, onEntrant }: Bench, name: string, large: LargeReport): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-registry-cleaner-bench-'));
  try {
    const found: Opened[] = [];
    for (let turn = 0; turn < times; turn += 1) {
      life.throwIfAborted();
      onEntrant(name);
      const startedAt = performance.now();
      const path = await createReportWriter(undefined).write(folder, largeReport(large));
      const writtenMs = performance.now() - startedAt;
      found.push({ writtenMs, bytes: (await stat(path)).size, ...(await open(path)) });
    }
    const inOrder = found.toSorted((a, b) => a.openedMs - b.openedMs);
    return inOrder[Math.floor((inOrder.length - 1) / 2)] as Opened;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function open(path: string): Promise<Pick<Opened, 'openedMs' | 'searchedMs'>> {
  await using browser = await Browser.start();
  const page = await browser.open();
  const openedMs = await page.goTo(pathToFileURL(path).href);
  await page.evaluate(`document.getElementById('search').focus()`);
  const startedAt = performance.now();
  await page.type('-17');
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))');
  return { openedMs, searchedMs: performance.now() - startedAt };
}
