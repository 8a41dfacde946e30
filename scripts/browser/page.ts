/** A page of the browser, and what went wrong in it. */
import type { DevToolsConnection, DevToolsEvent } from './connection.ts';

/** What a page looks like. */
export interface Appearance {
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
}

export class Page {
  /** Every request for something, by its URL; data URLs included. */
  readonly requests: string[] = [];
  /** Errors and warnings: of scripts, of the console, of the browser itself, of the page's policy. */
  readonly complaints: string[] = [];
  readonly #connection: DevToolsConnection;
  readonly #session: string;
  #onEvent: (event: DevToolsEvent) => void = () => {};

  private constructor(connection: DevToolsConnection, session: string) {
    this.#connection = connection;
    this.#session = session;
    connection.listen((event) => {
      if (event.sessionId !== session) return;
      this.#note(event);
      this.#onEvent(event);
    });
  }

  static async open(connection: DevToolsConnection, session: string): Promise<Page> {
    const page = new Page(connection, session);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits'])
      await page.#send(`${domain}.enable`);
    return page;
  }

  /** Opens a URL and returns when it has loaded, and been drawn once: after how many milliseconds. */
  async goTo(url: string): Promise<number> {
    const startedAt = performance.now();
    const loaded = this.#event('Page.loadEventFired');
    const { errorText } = await this.#send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
    await this.evaluate('new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))');
    return performance.now() - startedAt;
  }

  /** The value of an expression; a promise is awaited. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the expression gives
  async evaluate(expression: string): Promise<any> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  async appear({ width, height, scheme = 'light' }: Appearance): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await this.#send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
  }

  /** Types at the keyboard into whatever has the focus. */
  async type(text: string): Promise<void> {
    await this.#send('Input.insertText', { text });
  }

  /** Presses a key: `Tab`, `Enter`. */
  async press(key: 'Tab' | 'Enter'): Promise<void> {
    const [code, text] = { Tab: [9, ''] as const, Enter: [13, '\r'] as const }[key];
    const given = { key, code: key, windowsVirtualKeyCode: code };
    await this.#send('Input.dispatchKeyEvent', {
      type: text === '' ? 'rawKeyDown' : 'keyDown',
      text,
      ...given,
    });
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...given });
  }

  /** A PNG of what is seen, or of the whole page, however long it is. */
  async screenshot({ whole = false } = {}): Promise<Buffer> {
    const { data } = await this.#send('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: whole,
      ...(whole && { clip: { ...(await this.#size()), x: 0, y: 0, scale: 1 } }),
    });
    return Buffer.from(data, 'base64');
  }

  async pdf(): Promise<Buffer> {
    const { data } = await this.#send('Page.printToPDF', { printBackground: false });
    return Buffer.from(data, 'base64');
  }

  async #size(): Promise<{ width: number; height: number }> {
    const { cssContentSize } = await this.#send('Page.getLayoutMetrics');
    return { width: cssContentSize.width, height: cssContentSize.height };
  }

  // biome-ignore lint/suspicious/noExplicitAny: hundreds of shapes
  #send(method: string, params: object = {}): Promise<any> {
    return this.#connection.send(method, params, this.#session);
  }

  #event(method: string): Promise<void> {
    return new Promise((resolve) => {
      this.#onEvent = (event) => {
        if (event.method === method) resolve();
      };
    });
  }

  #note({ method, params }: DevToolsEvent): void {
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
    if (method === 'Runtime.exceptionThrown')
      this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type))
      this.complaints.push(params.args.map(({ value }: { value?: unknown }) => String(value)).join(' '));
    if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level))
      this.complaints.push(params.entry.text);
    if (method === 'Audits.issueAdded') this.complaints.push(JSON.stringify(params.issue));
  }
}
