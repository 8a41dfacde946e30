/** The journal: JSON lines, appended in small batches, never rewritten. */
import type { FileHandle } from 'node:fs/promises';
import { StorageError } from '../../domain/errors.ts';
import { type JournalEntry, Outcomes } from '../../domain/outcome.ts';
import { isEvent, parseLine, type TrailEvent, type TrailLine } from '../../domain/trail.ts';
import type { Journal } from '../../ports.ts';
import { attempt, openAppend, readLines } from './files.ts';

/** An outcome is on disk a quarter of a second after it was noted; half of that is left for the write itself. */
const FLUSH_AFTER_MS = 125;

/** The journal in the file `path`, which is made by the first entry. */
export function openJournal(path: string): Journal {
  return new JsonLinesJournal(path);
}

class JsonLinesJournal implements Journal {
  readonly #path: string;
  #file: FileHandle | undefined;
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;
  /** Writes follow one another; a failed one stays the reason for all later calls. */
  #writing: Promise<void> = Promise.resolve();
  #failure: StorageError | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<{ outcomes: Outcomes; damagedLines: number }> {
    const outcomes = new Outcomes();
    let damagedLines = 0;
    for await (const lines of readLines(this.#path))
      for (const text of lines) {
        const line = parseLine(text);
        if (line === undefined) damagedLines += 1;
        else if (!isEvent(line)) outcomes.record(line);
      }
    return { outcomes, damagedLines };
  }

  append(entry: JournalEntry): void {
    this.#add(entry);
  }

  note(event: TrailEvent): void {
    this.#add(event);
  }

  #add(line: TrailLine): void {
    if (this.#failure) throw this.#failure;
    this.#waiting += `${JSON.stringify(line)}\n`;
    // A failure stands in #failure, for the next call.
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), FLUSH_AFTER_MS);
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '') this.#writing = this.#writing.then(() => this.#write(text));
    await this.#writing;
    if (this.#failure) throw this.#failure;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#file?.close();
      this.#file = undefined;
    }
  }

  async #write(text: string): Promise<void> {
    if (this.#failure) return;
    try {
      this.#file ??= await this.#open();
      const file = this.#file;
      await attempt('write', this.#path, async () => {
        await file.appendFile(text);
        await file.datasync();
      });
    } catch (error) {
      this.#failure =
        error instanceof StorageError ? error : new StorageError(String(error), { cause: error });
    }
  }

  /** A crash may have cut the last line short: the next one must not be glued to it. */
  async #open(): Promise<FileHandle> {
    const file = await openAppend(this.#path);
    const { size } = await file.stat();
    if (size > 0) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      if (buffer[0] !== 0x0a) await file.appendFile('\n');
    }
    return file;
  }
}

/** The lines of the journal in the file `path`, piece by piece; damaged ones are left out. */
export async function* readTrail(path: string): AsyncGenerator<readonly TrailLine[], void> {
  for await (const lines of readLines(path)) yield lines.flatMap((text) => parseLine(text) ?? []);
}
