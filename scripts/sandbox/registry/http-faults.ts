import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Armed } from '../armed.ts';

/** Some of the requests to the registry; what is left out stands for every one. */
interface RegistryRequests {
  readonly method?: string;
  /** Part of the path. */
  readonly path?: string;
}

/** Requests to the registry that are to fail. */
export interface RegistryFault extends RegistryRequests {
  readonly code: number;
  readonly times: number;
}

/** Requests to the registry that are to wait. */
export interface RegistryHold extends RegistryRequests {
  /** So many of them pass first. Default: none. */
  readonly after?: number;
}

/** Passes HTTP requests on to the registry, but for those that a fault is armed for. */
export class HttpFaultProxy {
  readonly #endpoint: () => string | undefined;
  readonly #server: Server;
  readonly #faults = new Armed<RegistryFault>();
  #delayMs = 0;
  #hold:
    | { readonly fault: RegistryHold; readonly over: PromiseWithResolvers<void>; passed: number }
    | undefined;
  #blobStore: string | undefined;

  /** @param endpoint socket of a pod that is ready */
  constructor(endpoint: () => string | undefined) {
    this.#endpoint = endpoint;
    this.#server = createServer((message, response) => void this.#handle(message, response));
  }

  /** Whether any fault waits for a request. */
  get isArmed(): boolean {
    return !this.#faults.isEmpty || this.#delayMs > 0 || !!this.#hold || this.#blobStore !== undefined;
  }

  arm(fault: RegistryFault): void {
    this.#faults.arm(fault);
  }

  /** Every request takes this much longer. */
  slowDown(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** These requests wait until `clear`; replaces an earlier hold, and what that has held goes on. */
  hold(fault: RegistryHold): void {
    this.#hold?.over.resolve();
    this.#hold = { fault, over: Promise.withResolvers(), passed: 0 };
  }

  /** GET and HEAD of a blob answer 307 to this URL, as with an object store behind the registry. */
  redirectBlobs(storeUrl: string): void {
    this.#blobStore = storeUrl;
  }

  clear(): void {
    this.#faults.clear();
    this.#delayMs = 0;
    this.#hold?.over.resolve();
    this.#hold = undefined;
    this.#blobStore = undefined;
  }

  /** Takes a connection over, at the start of a request. */
  take(client: Socket): true {
    // A tick later, when whoever had it before has put back what it read.
    process.nextTick(() => this.#server.emit('connection', client));
    return true;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#delayMs > 0) await sleep(this.#delayMs);
    // Who asks may give up meanwhile, or be killed.
    if ((await this.#hasWaited(message)) && message.socket.destroyed) return;
    const fault = this.#faults.take((candidate) => isAmong(candidate, message));
    if (fault !== undefined) {
      message.resume();
      response.writeHead(fault.code, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'the sandbox was asked to fail' }] }),
      );
      return;
    }
    this.#forward(message, response);
  }

  /** Waits if it has to; tells whether it had to. */
  async #hasWaited(message: IncomingMessage): Promise<boolean> {
    const hold = this.#hold;
    if (!hold || !isAmong(hold.fault, message)) return false;
    hold.passed += 1;
    if (hold.passed <= (hold.fault.after ?? 0)) return false;
    await hold.over.promise;
    return true;
  }

  #forward(message: IncomingMessage, response: ServerResponse): void {
    const socketPath = this.#endpoint();
    if (socketPath === undefined) {
      message.socket.resetAndDestroy();
      return;
    }
    const { method, url, headers } = message;
    const onward = request({ socketPath, method, path: url, headers }, (answer) => {
      const digest = /^\/v2\/.+\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url ?? '')?.[1];
      const redirected = this.#blobStore !== undefined && digest !== undefined && answer.statusCode === 200;
      if (redirected && (method === 'GET' || method === 'HEAD')) {
        answer.resume();
        response.writeHead(307, { location: `${this.#blobStore}/${digest}` });
        response.end();
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on('error', () => message.socket.resetAndDestroy());
    message.pipe(onward);
  }
}

function isAmong(requests: RegistryRequests, { method = '', url = '' }: IncomingMessage): boolean {
  return (requests.method ?? method) === method && url.includes(requests.path ?? '');
}

/** An object store that holds the registry's blobs, for redirects to lead to. */
export function createBlobStore(storage: string): Server {
  return createServer(({ url = '', method }, response) => {
    const hex = /^\/sha256:([0-9a-f]{64})$/.exec(url)?.[1] ?? '';
    const file = createReadStream(
      `${storage}/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`,
    );
    file.once('error', () => response.writeHead(404).end());
    file.once('open', () => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      if (method === 'HEAD') response.end();
      else file.pipe(response);
    });
  });
}
