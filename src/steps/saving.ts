/** Saves what is about to be deleted, so that `undo` can bring it back. Nothing is deleted whose bytes are not on disk. */
import { RegistryError } from '../domain/errors.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { Reading, Registry, Resolution, RunHandle, SavedTag, StoredManifest } from '../ports.ts';

export class Saving {
  readonly #registry: Registry;
  readonly #run: Pick<RunHandle, 'saved'>;

  constructor(given: { registry: Registry; run: Pick<RunHandle, 'saved'> }) {
    this.#registry = given.registry;
    this.#run = given.run;
  }

  /** Looks at a tag; the same request brings the bytes of what it is expected to stand for, unless they are saved. */
  async look(repository: Repository, tag: Tag, expected: Digest): Promise<Resolution | Reading> {
    return this.#run.saved.has(expected)
      ? await this.#registry.resolve(repository, tag)
      : await this.#registry.read(repository, tag);
  }

  /** Notes a tag that is about to go, with the bytes that a look has brought. Waits for nothing. */
  note(tag: SavedTag, manifest?: StoredManifest): void {
    this.#run.saved.note(manifest === undefined ? tag : { ...tag, manifest });
  }

  /** Returns when all that was noted is on disk. @throws StorageError when something could not be saved */
  async settled(): Promise<void> {
    await this.#run.saved.flush();
  }

  /**
   * Deletes a manifest as soon as its bytes, and all tags that were noted, are on disk. Bytes that no look has brought are
   * read first.
   *
   * @throws RegistryError also when the manifest cannot be read, and so not be saved
   */
  async deleteManifest(repository: Repository, digest: Digest): Promise<'deleted' | 'gone'> {
    await this.settled();
    if (!this.#run.saved.has(digest)) {
      const reading = await this.#registry.read(repository, digest);
      if (reading.state === 'gone') return 'gone';
      if (reading.state !== 'found') throw notSaved(repository, digest, reading);
      this.#run.saved.note({ repository, digest, manifest: reading.stored });
      await this.settled();
    }
    return await this.#registry.deleteManifest(repository, digest);
  }
}

function notSaved(
  repository: Repository,
  digest: Digest,
  reading: Exclude<Reading, { state: 'found' | 'gone' }>,
): RegistryError {
  const why = reading.state === 'untied' ? 'it is a throw-away manifest' : reading.reason;
  return new RegistryError(`${repository}@${digest} was not deleted, since it cannot be saved: ${why}.`, {
    failure: 'other',
  });
}
