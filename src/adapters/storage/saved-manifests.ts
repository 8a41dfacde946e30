/**
 * What a run has deleted, in one append-only file of compressed JSON lines, `zcat`able. A line names a repository, a
 * digest, mostly the tag that stood for it, and when it is the first of that digest the manifest itself.
 */
import type { FileHandle } from 'node:fs/promises';
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { StorageError } from '../../domain/errors.ts';
import type { Digest } from '../../domain/names.ts';
import type { SavedContent, SavedEntry, SavedManifests } from '../../ports.ts';
import { attempt, isFile, openAppend, syncFolder } from './files.ts';
import { packMember, readMembers } from './gzip-members.ts';
import { readSaved } from './saved-content.ts';
import { entryLine, linesOf } from './saved-line.ts';

/** The first line of a file. */
const WHAT_THIS_IS = `${JSON.stringify({
  whatThisIs:
    'What a run of docker-registry-cleaner has deleted, or was about to: tags, and manifests byte for byte. "npm run clean -- undo" puts them back.',
})}\n`;

/** So much is written without anybody's asking for it, to keep little in memory. */
const MOST_WAITING = 1024 * 1024;

/** The file `path`, which is made by the first entry. */
export function openSavedManifests(path: string): SavedManifests {
  return new SavedFile(path);
}

function nothing() {
  return { lines: [], digests: [], characters: 0 };
}

class SavedFile implements SavedManifests {
  readonly place: string;
  /** The manifests on disk; `undefined` until it was looked. */
  #onDisk: Set<Digest> | undefined;
  /** Given, and not on disk yet. */
  readonly #underWay = new Set<Digest>();
  #file: FileHandle | undefined;
  /** Up to here there are whole entries. */
  #end = 0;
  #waiting: { readonly lines: string[]; readonly digests: Digest[]; characters: number } = nothing();
  /** The write that will take what is waiting. */
  #next: Promise<void> | undefined;
  /** Writes follow one another; this one is the last. */
  #writing: Promise<void> = Promise.resolve();
  #failure: StorageError | undefined;

  constructor(path: string) {
    this.place = path;
  }

  async size(): Promise<number> {
    if (!(await isFile(this.place))) return 0;
    return (await attempt('look at', this.place, () => lstat(this.place))).size;
  }

  async prepare(): Promise<void> {
    if (this.#onDisk !== undefined) return;
    const onDisk = new Set<Digest>();
    if (await isFile(this.place)) {
      const file = await openAppend(this.place);
      this.#file = file;
      await attempt('read', this.place, async () => {
        for await (const member of readMembers(file)) {
          if (member === undefined) continue;
          this.#end = member.at + member.size;
          for (const entry of linesOf(member.text))
            if (entry?.manifest !== undefined) onDisk.add(entry.digest);
        }
      });
    }
    this.#onDisk = onDisk;
  }

  has(digest: Digest): boolean {
    return this.#prepared.has(digest);
  }

  note(entry: SavedEntry): void {
    const { digest, manifest } = entry;
    const isKnown = this.#prepared.has(digest) || this.#underWay.has(digest);
    const line = entryLine(isKnown ? { ...entry, manifest: undefined } : entry);
    this.#waiting.lines.push(line);
    this.#waiting.characters += line.length;
    if (manifest !== undefined && !isKnown) {
      this.#waiting.digests.push(digest);
      this.#underWay.add(digest);
    }
    // Whoever relies on it is told of a failure.
    if (this.#waiting.characters >= MOST_WAITING) this.flush().catch(() => {});
  }

  async flush(): Promise<void> {
    if (this.#waiting.lines.length > 0) await this.#write();
    else await this.#writing;
    if (this.#failure) throw this.#failure;
  }

  async read(): Promise<SavedContent> {
    return await readSaved(this.place);
  }

  async close(): Promise<void> {
    await this.flush().catch(() => {});
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  get #prepared(): Set<Digest> {
    if (this.#onDisk === undefined) throw new Error(`${this.place} was not prepared`);
    return this.#onDisk;
  }

  /** Writes all that is given until the write before it is done. */
  #write(): Promise<void> {
    this.#next ??= this.#writing.then(() => turn()).then(() => this.#writeWaiting());
    this.#writing = this.#next;
    return this.#next;
  }

  async #writeWaiting(): Promise<void> {
    const { lines, digests } = this.#waiting;
    this.#waiting = nothing();
    this.#next = undefined;
    if (this.#failure) return;
    try {
      await this.#append(lines.join(''));
    } catch (error) {
      this.#failure =
        error instanceof StorageError ? error : new StorageError(String(error), { cause: error });
      return;
    }
    for (const digest of digests) {
      this.#prepared.add(digest);
      this.#underWay.delete(digest);
    }
  }

  async #append(text: string): Promise<void> {
    const isNew = this.#file === undefined;
    this.#file ??= await openAppend(this.place);
    const file = this.#file;
    const members = Buffer.concat([...(isNew ? [packMember(WHAT_THIS_IS)] : []), packMember(text)]);
    await attempt('save what is to be deleted in', this.place, async () => {
      // What a crash has cut short is in nobody's way, but would keep zcat from what follows.
      if ((await file.stat()).size > this.#end) await file.truncate(this.#end);
      await file.appendFile(members);
      await file.datasync();
    });
    if (isNew) await syncFolder(dirname(this.place));
    this.#end += members.length;
  }
}
