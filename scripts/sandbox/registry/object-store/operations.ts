import type { IncomingHttpHeaders } from 'node:http';
import { S3Error } from './error.ts';
import { type ListEntry, Objects, type StoredObject } from './objects.ts';
import { Uploads } from './uploads.ts';
import { textsOf, type XmlContent, xmlDocument } from './xml.ts';

/** A call of the S3 API on the store's one bucket. */
export interface Call {
  readonly method: string;
  /** Empty when the call is about the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What is sent in answer to a call. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** Most entries of a listing. */
const mostEntries = 1000;

/** The calls that Docker Distribution's S3 driver makes, with what they do. */
export class Operations {
  readonly objects = new Objects();
  readonly #bucket: string;
  readonly #uploads = new Uploads();

  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  /** @throws {S3Error} with a status of its own; 501 for a call that is not known here */
  answer(call: Call): Answer {
    const { method, key, query } = call;
    const id = query.get('uploadId');
    if (key === '') {
      if (method === 'GET' && query.has('uploads')) return this.#listUploads(query.get('prefix') ?? '');
      if (method === 'GET') return this.#list(query);
      if (method === 'POST' && query.has('delete')) return this.#deleteAll(call.body);
    } else if (id !== null) {
      if (method === 'PUT') return this.#putPart(call, id);
      if (method === 'GET') return this.#listParts(key, id);
      if (method === 'POST') return this.#completeUpload(call, id);
      if (method === 'DELETE') return this.#abortUpload(id);
    } else if (method === 'POST' && query.has('uploads')) {
      const result = { Bucket: this.#bucket, Key: key, UploadId: this.#uploads.create(key) };
      return xml('InitiateMultipartUploadResult', result);
    } else {
      if (method === 'GET' || method === 'HEAD') return read(this.#find(key), call.headers.range);
      if (method === 'PUT') return this.#put(call);
      if (method === 'DELETE') return this.#delete(key);
    }
    throw new S3Error(501, 'NotImplemented', `${method} ${key || 'bucket'}?${query} is not known here`);
  }

  #find(key: string): StoredObject {
    const object = this.objects.get(key);
    if (object === undefined) throw new S3Error(404, 'NoSuchKey', `there is no object ${key}`);
    return object;
  }

  #put({ key, headers, body }: Call): Answer {
    const source = headers['x-amz-copy-source'];
    if (source === undefined) return { status: 200, headers: { etag: this.objects.put(key, body).etag } };
    return xml('CopyObjectResult', identity(this.objects.put(key, this.#copied(String(source)))));
  }

  /** What a copy is made of: `bucket/key`, percent-encoded, and a range of it. */
  #copied(source: string, range?: string | undefined): Buffer {
    const [bucket, ...key] = decodeURIComponent(source).replace(/^\//, '').split('/');
    if (bucket !== this.#bucket) throw new S3Error(404, 'NoSuchBucket', `there is no bucket ${bucket}`);
    const { content } = this.#find(key.join('/'));
    const [, first, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    return first === undefined ? content : content.subarray(Number(first), Number(end) + 1);
  }

  #delete(key: string): Answer {
    this.objects.delete(key);
    return { status: 204 };
  }

  #deleteAll(body: Buffer): Answer {
    const keys = textsOf(body.toString(), 'Key');
    for (const key of keys) this.objects.delete(key);
    return xml('DeleteResult', { Deleted: keys.map((Key) => ({ Key })) });
  }

  #list(query: URLSearchParams): Answer {
    const isSecond = query.get('list-type') === '2';
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const limit = Math.min(Number(query.get('max-keys') ?? mostEntries), mostEntries);
    const token = query.get('continuation-token');
    const after = isSecond
      ? token === null
        ? (query.get('start-after') ?? '')
        : Buffer.from(token, 'base64url').toString()
      : (query.get('marker') ?? '');
    const { entries, truncated } = this.objects.list({ prefix, delimiter, after, limit });
    const next = truncated ? nameOf(entries.at(-1)) : undefined;
    const position = isSecond
      ? { KeyCount: entries.length, NextContinuationToken: next && Buffer.from(next).toString('base64url') }
      : { Marker: after, NextMarker: next };
    return xml('ListBucketResult', {
      ...{ Name: this.#bucket, Prefix: prefix, Delimiter: delimiter, MaxKeys: limit },
      ...{ IsTruncated: truncated, ...position },
      Contents: entries.flatMap((entry) =>
        'key' in entry
          ? [
              {
                Key: entry.key,
                ...identity(entry.object),
                Size: entry.object.content.length,
                StorageClass: 'STANDARD',
              },
            ]
          : [],
      ),
      CommonPrefixes: entries.flatMap((entry) =>
        'commonPrefix' in entry ? [{ Prefix: entry.commonPrefix }] : [],
      ),
    });
  }

  #putPart({ query, headers, body }: Call, id: string): Answer {
    const source = headers['x-amz-copy-source'];
    const range = headers['x-amz-copy-source-range'];
    const content = source === undefined ? body : this.#copied(String(source), range && String(range));
    const number = Number(query.get('partNumber'));
    this.#uploads.get(id).parts.set(number, content);
    const etag = etagOfPart(number);
    if (source === undefined) return { status: 200, headers: { etag } };
    return xml('CopyPartResult', { ETag: etag, LastModified: new Date().toISOString() });
  }

  #listParts(key: string, id: string): Answer {
    const parts = Array.from(this.#uploads.get(id).parts).sort(([a], [b]) => a - b);
    return xml('ListPartsResult', {
      ...{ Bucket: this.#bucket, Key: key, UploadId: id, MaxParts: mostEntries, IsTruncated: false },
      Part: parts.map(([number, content]) => ({
        ...{ PartNumber: number, ETag: etagOfPart(number), Size: content.length },
      })),
    });
  }

  #listUploads(prefix: string): Answer {
    const uploads = this.#uploads.list(prefix).map(({ id, key }) => ({ Key: key, UploadId: id }));
    const head = { Bucket: this.#bucket, Prefix: prefix, MaxUploads: mostEntries, IsTruncated: false };
    return xml('ListMultipartUploadsResult', { ...head, Upload: uploads });
  }

  #completeUpload({ key, body }: Call, id: string): Answer {
    const numbers = textsOf(body.toString(), 'PartNumber').map(Number);
    const { etag } = this.objects.put(key, this.#uploads.complete(id, numbers));
    return xml('CompleteMultipartUploadResult', { Bucket: this.#bucket, Key: key, ETag: etag });
  }

  #abortUpload(id: string): Answer {
    this.#uploads.abort(id);
    return { status: 204 };
  }
}

/** An object's content, or a range of it (`bytes=FIRST-`, `bytes=FIRST-LAST`). */
function read({ content, etag, modified }: StoredObject, range: string | undefined): Answer {
  const common = { etag, 'last-modified': modified.toUTCString(), 'accept-ranges': 'bytes' };
  const headers = { ...common, 'content-type': 'application/octet-stream' };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === undefined) return { status: 200, headers, body: content };
  const begin = Number(first);
  const end = Math.min(last ? Number(last) + 1 : content.length, content.length);
  if (begin >= content.length) throw new S3Error(416, 'InvalidRange', 'the range is not in the object');
  const contentRange = `bytes ${begin}-${end - 1}/${content.length}`;
  const body = content.subarray(begin, end);
  return { status: 206, headers: { ...headers, 'content-range': contentRange }, body };
}

function identity({ etag, modified }: StoredObject): { ETag: string; LastModified: string } {
  return { ETag: etag, LastModified: modified.toISOString() };
}

function nameOf(entry: ListEntry | undefined): string {
  if (entry === undefined) return '';
  return 'key' in entry ? entry.key : entry.commonPrefix;
}

function etagOfPart(number: number): string {
  return `"part-${number}"`;
}

function xml(name: string, content: XmlContent): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: xmlDocument(name, content),
  };
}
