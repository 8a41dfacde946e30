/**
 * The cache of manifests: a file of lines that is appended to, whole lines at a time, so that several processes can do
 * that. Each line ends with a checksum of itself: one that is damaged does not count, and what it said is read again.
 *
 *     m DIGEST TYPE SIZE CHILD,… BLOB:SIZE,… CHECKSUM     what a manifest takes
 *     t REGISTRY REPOSITORY TAG DIGEST TIME CHECKSUM      what a tag was last seen to stand for, and when
 *
 * Numbers are in base 36, times in seconds, and digests of SHA-256 in base 64 (43 characters instead of 71): 20,000
 * manifests of 30 layers are 35 MB. As every look at a tag is a line, the file is written anew when most of its lines
 * do not count any more.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { StorageError } from '../../domain/errors.ts';
import type { Manifest } from '../../domain/manifest.ts';
import type { ManifestContent, SizedBlob } from '../../domain/manifest-content.ts';
import { type Digest, parseDigest, type Repository, type Tag } from '../../domain/names.ts';
import type { ManifestCache } from '../../ports.ts';
import { attempt, ensureFolder, openAppend, readChunks, replaceText } from './files.ts';
import { SeenTags, type Sight } from './seen-tags.ts';

const FILE = 'manifests.cache';
/** Written at once, in one call of the system: no line of another process gets in between. */
const BATCH_CHARACTERS = 128 * 1024;
const NONE = '-';
/** So many digests are remembered in full: those of layers that many images share are among the first to be met. */
const REMEMBERED_DIGESTS = 20_000;
/** For fewer lines that do not count, the file is not written anew. */
const WORTH_DROPPING = 5000;
/** The time of what has to be asked for again. */
const NEVER = 0;

/**
 * Opens the cache of a state folder, making the folder if need be.
 *
 * @param registry whose tags are looked at: whatever tells it from the registries of other clusters. A manifest is what
 * its digest says wherever it is, but tags of one name are in all of them
 */
export async function openManifestCache(root: string, registry: string): Promise<ManifestCache> {
  await ensureFolder(root);
  const cache = new FileCache(join(root, FILE), registry);
  await cache.load();
  return cache;
}

class FileCache implements ManifestCache {
  readonly #path: string;
  /** As it is named in the file. */
  readonly #registry: string;
  /** Lines by their digests; they are read when they are asked for. */
  readonly #manifests = new Map<Digest, string>();
  /** Those of all registries, by their names in the file. */
  readonly #tags = new SeenTags();
  /** Digests as they are in the file, and in full: most layers are those of many images. */
  readonly #digests = new Map<string, Digest>();
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #file: FileHandle | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: StorageError | undefined;

  constructor(path: string, registry: string) {
    this.#path = path;
    this.#registry = createHash('sha256').update(registry).digest('base64url').slice(0, 8);
  }

  async load(): Promise<void> {
    let lines = 0;
    for await (const line of linesOf(this.#path)) {
      // There is one before whatever is written at once.
      if (line === '') continue;
      lines += 1;
      const words = wordsOf(line);
      if (words?.[0] === 'm') this.#loadManifest(line, words);
      if (words?.[0] === 't') this.#loadTag(words);
    }
    const counting = this.#manifests.size + this.#tags.size;
    const others = lines - counting;
    if (others >= WORTH_DROPPING && others > counting) await this.#writeAnew();
  }

  content(digest: Digest): ManifestContent | undefined {
    const line = this.#manifests.get(digest);
    if (line === undefined) return undefined;
    const [, , mediaType = '', sizeText = '', childList = '', blobList = ''] = line.split(' ');
    const size = parseNumber(sizeText);
    const children = listOf(childList).map((short) => this.#lengthen(short));
    const blobs = listOf(blobList).map((text) => this.#parseBlob(text));
    if (size !== undefined && areKnown(children) && areKnown(blobs))
      return { digest, mediaType, size, children, blobs };
    // Nothing that this program has written: it is read again.
    this.#manifests.delete(digest);
    return undefined;
  }

  lastSeen(repository: Repository, tag: Tag): Manifest | undefined {
    const digest = this.#tags.get(this.#nameOf(repository, tag))?.digest;
    const line = digest === undefined ? undefined : this.#manifests.get(digest);
    if (digest === undefined || line === undefined) return undefined;
    const [, , mediaType = '', , childList = ''] = line.split(' ', 5);
    const children = listOf(childList).map((short) => this.#lengthen(short));
    return areKnown(children) ? { digest, mediaType, children } : undefined;
  }

  seenAtMs(repository: Repository, tag: Tag): number | undefined {
    const { seconds = NEVER } = this.#tags.get(this.#nameOf(repository, tag)) ?? {};
    return seconds === NEVER ? undefined : seconds * 1000;
  }

  keep(content: ManifestContent): void {
    if (this.#manifests.has(content.digest)) return;
    const line = manifestLine(content);
    if (line === undefined) return;
    this.#manifests.set(content.digest, line);
    this.#append(line);
  }

  noteTag(
    repository: Repository,
    tag: Tag,
    { digest, atMs }: { readonly digest: Digest; readonly atMs: number | undefined },
  ): void {
    const seconds = atMs === undefined ? NEVER : Math.floor(atMs / 1000);
    this.#note(this.#nameOf(repository, tag), { digest, seconds });
  }

  doubtTag(repository: Repository, tag: Tag): void {
    const name = this.#nameOf(repository, tag);
    const sight = this.#tags.get(name);
    if (sight) this.#note(name, { ...sight, seconds: NEVER });
  }

  async close(): Promise<void> {
    this.#flush();
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
    if (this.#failure) throw this.#failure;
  }

  /** Its checksum is right: what it says is read when it is asked for. */
  #loadManifest(line: string, [, short = '']: readonly string[]): void {
    const digest = this.#lengthen(short);
    if (digest !== undefined) this.#manifests.set(digest, line.slice(0, line.lastIndexOf(' ')));
  }

  #loadTag([, registry, repository, tag, short = '', time, ...more]: readonly string[]): void {
    const digest = this.#lengthen(short);
    const seconds = time === undefined || more.length > 0 ? undefined : parseNumber(time);
    if (digest !== undefined && seconds !== undefined)
      this.#tags.set(`${registry} ${repository} ${tag}`, { digest, seconds });
  }

  #note(name: string, sight: Sight): void {
    const known = this.#tags.get(name);
    if (known?.digest === sight.digest && known.seconds === sight.seconds) return;
    this.#tags.set(name, sight);
    this.#append(tagLine(name, sight));
  }

  #nameOf(repository: Repository, tag: Tag): string {
    return `${this.#registry} ${repository} ${tag}`;
  }

  #lengthen(short: string): Digest | undefined {
    const known = this.#digests.get(short);
    if (known !== undefined) return known;
    const digest = lengthen(short);
    if (digest !== undefined && this.#digests.size < REMEMBERED_DIGESTS) this.#digests.set(short, digest);
    return digest;
  }

  #parseBlob(text: string): SizedBlob | undefined {
    const at = text.lastIndexOf(':');
    const digest = this.#lengthen(text.slice(0, at));
    const size = parseNumber(text.slice(at + 1));
    return digest !== undefined && size !== undefined ? { digest, size } : undefined;
  }

  /**
   * Replaces the file by one in which every line counts. What another process appends to the old one from then on is lost:
   * it is read, or asked for, once more. Two that write anew at a time are no worse: lines that got damaged do not count.
   */
  async #writeAnew(): Promise<void> {
    try {
      await replaceText(this.#path, this.#pieces());
    } catch (error) {
      // It is only as long as before. Whether anything can be written is seen, and told, when there is something to write.
      if (!(error instanceof StorageError)) throw error;
    }
  }

  /** All that counts, as the bytes of a file; each piece only until the next one is asked for. */
  async *#pieces(): AsyncGenerator<Buffer, void> {
    const buffer = Buffer.alloc(BATCH_CHARACTERS);
    let end = 0;
    for (const line of this.#lines()) {
      const whole = withChecksum(line);
      if (end + whole.length > buffer.length) {
        yield buffer.subarray(0, end);
        end = 0;
      }
      if (whole.length > buffer.length) yield Buffer.from(whole, 'latin1');
      else end += buffer.write(whole, end, 'latin1');
    }
    yield buffer.subarray(0, end);
  }

  *#lines(): Generator<string, void> {
    yield* this.#manifests.values();
    for (const [name, sight] of this.#tags) yield tagLine(name, sight);
  }

  #append(line: string): void {
    const whole = withChecksum(line);
    this.#waiting.push(whole);
    this.#waitingCharacters += whole.length;
    if (this.#waitingCharacters >= BATCH_CHARACTERS) this.#flush();
  }

  #flush(): void {
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#waitingCharacters = 0;
    if (text !== '') this.#writing = this.#writing.then(() => this.#write(text));
  }

  async #write(text: string): Promise<void> {
    if (this.#failure) return;
    try {
      this.#file ??= await openAppend(this.#path);
      const file = this.#file;
      await attempt('write', this.#path, async () => {
        // What another process was killed in the middle of must not be glued to the first line of these.
        const bytes = Buffer.from(`\n${text}`, 'latin1');
        const { bytesWritten } = await file.write(bytes);
        if (bytesWritten < bytes.length) throw new Error('the disk may be full');
      });
    } catch (error) {
      this.#failure =
        error instanceof StorageError ? error : new StorageError(String(error), { cause: error });
    }
  }
}

async function* linesOf(path: string): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of readChunks(path)) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  // A line that has no end yet has no checksum either, or all of it.
  yield rest;
}

/** The words of a line without its checksum; `undefined` for a line that is damaged. */
function wordsOf(line: string): readonly string[] | undefined {
  const end = line.lastIndexOf(' ');
  const text = line.slice(0, end);
  return end > 0 && checksum(text) === line.slice(end + 1) ? text.split(' ') : undefined;
}

function checksum(text: string): string {
  return crc32(text).toString(36);
}

function withChecksum(line: string): string {
  return `${line} ${checksum(line)}\n`;
}

function tagLine(name: string, { digest, seconds }: Sight): string {
  return `t ${name} ${shorten(digest)} ${seconds.toString(36)}`;
}

/** `undefined` for what does not fit into a line. */
function manifestLine({ digest, mediaType, size, children, blobs }: ManifestContent): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(mediaType)) return undefined;
  const list = (words: readonly string[]) => (words.length === 0 ? NONE : words.join(','));
  const sized = blobs.map((blob) => `${shorten(blob.digest)}:${blob.size.toString(36)}`);
  const words = [shorten(digest), mediaType, size.toString(36), list(children.map(shorten)), list(sized)];
  return ['m', ...words].join(' ');
}

/** In base 36. */
function parseNumber(text: string): number | undefined {
  const number = /^[0-9a-z]+$/.test(text) ? Number.parseInt(text, 36) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

function listOf(text: string): readonly string[] {
  return text === NONE ? [] : text.split(',');
}

function areKnown<T>(items: readonly (T | undefined)[]): items is readonly T[] {
  return items.every((item) => item !== undefined);
}

const SHA256 = /^sha256:[0-9a-f]{64}$/;
const SHORT = /^[\w-]{43}$/;

function shorten(digest: Digest): string {
  if (!SHA256.test(digest)) return digest;
  return Buffer.from(digest.slice('sha256:'.length), 'hex').toString('base64url');
}

function lengthen(text: string): Digest | undefined {
  return parseDigest(SHORT.test(text) ? `sha256:${Buffer.from(text, 'base64url').toString('hex')}` : text);
}
