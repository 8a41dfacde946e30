import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Error } from './object-store/error.ts';
import { type Answer, type Call, Operations } from './object-store/operations.ts';
import { type Keys, SignatureCheck } from './object-store/signature.ts';
import { xmlDocument } from './object-store/xml.ts';

/** How slow the store is; can be changed at any time. */
interface Delays {
  /** How much longer every GET, HEAD and listing takes. */
  readDelayMs: number;
  /** How much longer every other call takes. */
  writeDelayMs: number;
}

/** A small S3 for a registry on this machine: one bucket, in memory, path style, Signature Version 4. */
export interface ObjectStore extends Delays {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Writes an object past the API. */
  put(key: string, content: Buffer | string): void;
  /** Removes all objects below a folder past the API; false when there were none. */
  removeFolder(folder: string): boolean;
  /**
   * The section `storage` of a registry's configuration that makes it keep everything here.
   *
   * @param redirects whether clients that ask for a blob are sent here, by a presigned URL
   */
  registryStorage(options: { readonly redirects: boolean }): Readonly<Record<string, object>>;
  close(): Promise<void>;
}

const bucket = 'registry';
const region = 'us-east-1';

/** Starts a store on a free port of 127.0.0.1, with keys that nobody else has. */
export async function startObjectStore(delays: Partial<Delays> = {}): Promise<ObjectStore> {
  const keys = { accessKey: randomBytes(10).toString('hex'), secretKey: randomBytes(20).toString('hex') };
  const server = new Server(keys, { readDelayMs: 0, writeDelayMs: 0, ...delays });
  const http = createServer((message, response) => void server.handle(message, response));
  // Longer than a client keeps one that it does not use.
  http.keepAliveTimeout = 120_000;
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    url,
    get readDelayMs() {
      return server.delays.readDelayMs;
    },
    set readDelayMs(value) {
      server.delays.readDelayMs = value;
    },
    get writeDelayMs() {
      return server.delays.writeDelayMs;
    },
    set writeDelayMs(value) {
      server.delays.writeDelayMs = value;
    },
    put: (key, content) => void server.objects.put(key, Buffer.from(content)),
    removeFolder: (folder) => server.removeFolder(folder),
    registryStorage: ({ redirects }) => ({
      s3: {
        ...{ region, bucket, regionendpoint: url, secure: false, v4auth: true },
        ...{ accesskey: keys.accessKey, secretkey: keys.secretKey },
      },
      redirect: { disable: !redirects },
    }),
    async close() {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
}

class Server {
  readonly delays: Delays;
  readonly #operations = new Operations(bucket);
  readonly #signatures: SignatureCheck;

  constructor(keys: Keys, delays: Delays) {
    this.delays = delays;
    this.#signatures = new SignatureCheck(keys);
  }

  get objects() {
    return this.#operations.objects;
  }

  removeFolder(folder: string): boolean {
    const { entries } = this.objects.list({
      prefix: `${folder}/`,
      delimiter: '',
      after: '',
      limit: Infinity,
    });
    for (const entry of entries) if ('key' in entry) this.objects.delete(entry.key);
    return entries.length > 0;
  }

  async handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(message).catch(() => undefined);
    // The client has gone in the middle of its request.
    if (body === undefined) return;
    const isRead = message.method === 'GET' || message.method === 'HEAD';
    const delayMs = isRead ? this.delays.readDelayMs : this.delays.writeDelayMs;
    if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
    const { status, headers = {}, body: content = '' } = this.#answer(message, body);
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(content) });
    response.end(message.method === 'HEAD' ? undefined : content);
  }

  #answer({ method = '', url = '', headers }: IncomingMessage, body: Buffer): Answer {
    const [path = '', query = ''] = url.split('?', 2);
    try {
      this.#signatures.verify({ method, path, query, headers });
      const [, name, ...key] = path.split('/').map(decodeURIComponent);
      if (name !== bucket) throw new S3Error(404, 'NoSuchBucket', `there is no bucket ${name}`);
      const call: Call = { method, key: key.join('/'), query: new URLSearchParams(query), headers, body };
      return this.#operations.answer(call);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      const { status, code, message } = error;
      return {
        status,
        headers: { 'content-type': 'application/xml' },
        body: xmlDocument('Error', { Code: code, Message: message }),
      };
    }
  }
}
