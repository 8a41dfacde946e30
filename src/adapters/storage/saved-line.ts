/** One line of what a run has saved. */
import { parseObject } from '../../domain/json.ts';
import { type Digest, parseDigest, parseRepository, parseTag } from '../../domain/names.ts';
import type { SavedEntry, StoredManifest } from '../../ports.ts';

/** As JSON, with its line end. A manifest is text, so that a person can read it, unless its bytes are none. */
export function entryLine({ repository, tag, digest, manifest }: SavedEntryToWrite): string {
  const line = { repository, tag, digest, ...(manifest && bytesOf(manifest)) };
  return `${JSON.stringify(line)}\n`;
}

type SavedEntryToWrite = Omit<SavedEntry, 'manifest'> & { readonly manifest?: StoredManifest | undefined };

function bytesOf({ mediaType, bytes }: StoredManifest) {
  const buffer = Buffer.from(bytes);
  const manifest = buffer.toString('utf8');
  return Buffer.from(manifest).equals(buffer)
    ? { mediaType, manifest }
    : { mediaType, base64: buffer.toString('base64') };
}

/** The entries among lines; `undefined` for one that cannot be read. What is there for people is left out. */
export function linesOf(text: string): (SavedEntry | undefined)[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const value = parseObject(line);
      return value !== undefined && 'whatThisIs' in value ? [] : [entryOf(value)];
    });
}

function entryOf(value: Readonly<Record<string, unknown>> | undefined): SavedEntry | undefined {
  const { repository, tag, digest, mediaType, manifest, base64 } = value ?? {};
  const name = typeof repository === 'string' ? parseRepository(repository) : undefined;
  const hash: Digest | undefined = typeof digest === 'string' ? parseDigest(digest) : undefined;
  const of = typeof tag === 'string' ? parseTag(tag) : undefined;
  if (name === undefined || hash === undefined || (tag !== undefined && of === undefined)) return undefined;
  const entry = { repository: name, digest: hash, ...(of !== undefined && { tag: of }) };
  if (typeof mediaType !== 'string') return entry;
  if (typeof manifest === 'string')
    return { ...entry, manifest: { mediaType, bytes: Buffer.from(manifest) } };
  if (typeof base64 === 'string')
    return { ...entry, manifest: { mediaType, bytes: Buffer.from(base64, 'base64') } };
  return undefined;
}
