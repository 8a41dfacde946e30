/** HTTP/1.1 over a stream of bytes, by hand: as much of it as the registry's answers need. */
import assert from 'node:assert/strict';
import type { ByteStream } from '../../../../src/ports.ts';

interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

interface RawRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

type RawClient = (request: string, options?: RawRequest) => Promise<RawAnswer>;

/** Sends requests (`GET /v2/`) one after the other, on one connection, as the registry's user. */
export function rawHttp(
  stream: ByteStream,
  { username, password }: { readonly username: string; readonly password: string },
): RawClient {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const chunks = stream.output[Symbol.asyncIterator]();
  let unread = Buffer.alloc(0);

  async function more(): Promise<void> {
    const { done, value } = await chunks.next();
    assert.notEqual(done, true, 'the stream ended in the middle of an answer');
    unread = Buffer.concat([unread, value]);
  }

  async function take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      if (unread.length === 0) await more();
      const part = unread.subarray(0, missing);
      unread = unread.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  return async (request, { headers = {}, body } = {}) => {
    const all = {
      host: 'registry',
      authorization,
      ...(body && { 'content-length': body.length }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    await stream.write(Buffer.from(`${request} HTTP/1.1\r\n${lines.join('')}\r\n`));
    if (body !== undefined) await stream.write(body);

    while (!unread.includes('\r\n\r\n')) await more();
    const head = (await take(unread.indexOf('\r\n\r\n') + 4)).toString('latin1');
    const fields = head.split('\r\n').flatMap((line): [string, string][] => {
      const field = /^([^:\s]+): *(.*)$/.exec(line);
      return field ? [[field[1]?.toLowerCase() ?? '', field[2] ?? '']] : [];
    });
    const answered = new Map(fields);
    assert.ok(!answered.has('transfer-encoding'), 'a chunked answer is more than this client reads');
    const length = request.startsWith('HEAD') ? 0 : Number(answered.get('content-length') ?? 0);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    return { status, headers: answered, body: await take(length) };
  };
}
