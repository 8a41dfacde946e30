/**
 * `npm run stills`: makes the pictures of the README anew, from a demo in a real terminal (tmux) and its report in a real
 * browser (Chromium).
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { $ } from 'zx';
import { Browser } from './browser/index.ts';
import { terminalPage } from './stills/terminal.ts';

const PROJECT = resolve(import.meta.dirname, '..');
const DOCS = join(PROJECT, 'docs');
const LONGEST_MS = 120_000;

/** Whose machine it was is nobody's business. */
const WHOSE = `--import=data:text/javascript,${encodeURIComponent(`
  import os from 'node:os';
  import { syncBuiltinESMExports } from 'node:module';
  os.hostname = () => 'laptop';
  os.userInfo = () => ({ username: 'ann' });
  syncBuiltinESMExports();
`)}`;

const folder = await mkdtemp(join(tmpdir(), 'stills-'));
try {
  const report = join(folder, 'report.html');
  const lines = await showDemo(report);
  const page = join(folder, 'terminal.html');
  await writeFile(page, terminalPage(lines.slice(...secondRun(lines))));
  await mkdir(DOCS, { recursive: true });
  await using browser = await Browser.start();
  await picture(browser, { of: page, as: 'terminal.png', width: 940 });
  await picture(browser, { of: report, as: 'report.png', width: 1080, height: 1140 });
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Everything that the demo has printed, with its colours. */
async function showDemo(report: string): Promise<readonly string[]> {
  const status = join(folder, 'status');
  const tmux = $({ quiet: true, env: { ...process.env, NODE_OPTIONS: WHOSE } });
  const socket = `stills-${process.pid}`;
  const demo = `cd '${PROJECT}' && '${process.execPath}' scripts/demo.ts --report '${report}'; echo $? > '${status}'; sleep 60`;
  await tmux`tmux -L ${socket} new-session -d -x 112 -y 50 ${demo}`;
  try {
    const code = await ended(status);
    if (code !== '0') throw new Error(`The demo has ended with exit code ${code}.`);
    const { stdout } = await tmux`tmux -L ${socket} capture-pane -p -e -S - -t 0`;
    return stdout.split('\n');
  } finally {
    await tmux`tmux -L ${socket} kill-server`;
  }
}

/** The exit code of the demo. */
async function ended(status: string): Promise<string> {
  for (const startedAt = Date.now(); Date.now() - startedAt < LONGEST_MS; await setTimeout(250)) {
    const text = await readFile(status, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text.trim();
  }
  throw new Error('The demo does not end.');
}

/** From the command that deletes to the last line that it prints. */
function secondRun(lines: readonly string[]): [number, number] {
  const from = lines.findIndex((line) => line.includes('$ npm run clean -- --resume'));
  const to = lines.findLastIndex((line) => line.startsWith('Report: '));
  if (from < 0 || to < from) throw new Error('The demo has printed something else.');
  return [from, to + 1];
}

async function picture(
  browser: Browser,
  { of, as, width, height }: { of: string; as: string; width: number; height?: number },
): Promise<void> {
  const page = await browser.open();
  await page.appear({ width, height: height ?? 100 });
  await page.goTo(pathToFileURL(of).href);
  const png = await page.screenshot({ whole: height === undefined });
  await writeFile(join(DOCS, as), png);
  console.log(`docs/${as}: ${Math.round(png.length / 1024)} KiB`);
}
