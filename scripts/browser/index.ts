/** A headless Chromium, for looking at the report as people do. It reaches no network. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { DevToolsConnection } from './connection.ts';
import { Page } from './page.ts';

/** As scripts/setup/programs.mjs knows them. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const ARGUMENTS = [
  '--headless',
  '--remote-debugging-pipe',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--hide-scrollbars',
  '--password-store=basic',
  // Whatever it nevertheless wants to look up is not there.
  '--host-resolver-rules=MAP * ~NOTFOUND',
  // Root and most containers cannot have Chromium's own sandbox; it opens nothing but our own files.
  '--no-sandbox',
];

export class Browser implements AsyncDisposable {
  readonly #connection: DevToolsConnection;
  readonly #close: () => Promise<void>;

  private constructor(connection: DevToolsConnection, close: () => Promise<void>) {
    this.#connection = connection;
    this.#close = close;
  }

  /** Starts one, with a profile of its own. */
  static async start(): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'docker-registry-cleaner-browser-'));
    const child = spawn(findProgram(), [...ARGUMENTS, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: profile },
    });
    const ended = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
    const [, , , output, input] = child.stdio as unknown as [null, null, null, Writable, Readable];
    const connection = new DevToolsConnection({ output, input });
    const close = async () => {
      // It does not always answer before it goes.
      await connection.send('Browser.close').catch(() => {});
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    };
    return new Browser(connection, close);
  }

  /** An empty page of its own. */
  async open(): Promise<Page> {
    const { targetId } = await this.#connection.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#connection.send('Target.attachToTarget', { targetId, flatten: true });
    return await Page.open(this.#connection, sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function findProgram(): string {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of NAMES)
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not there.
      }
    }
  throw new Error(`There is no Chromium on the PATH (${NAMES.join(', ')}); npm test installs it.`);
}
