/** Where a registry of a test keeps its content, and what can be done there behind its back. */
import { existsSync, linkSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStoreSettings } from '../../scripts/sandbox/options.ts';
import { type ObjectStore, startObjectStore } from '../../scripts/sandbox/registry/object-store.ts';
import type { Digest } from '../../src/domain/names.ts';

export interface RegistryStorage {
  /** The section `storage` of the registry's configuration. */
  readonly configuration: object;
  /** Makes a folder list more folders, which bear nothing. */
  addFolders(folder: string, names: readonly string[]): void;
  /** Removes all that is below a folder; `false` when there was nothing. */
  removeFolder(folder: string): Promise<boolean>;
  /** Takes the content of a file away. */
  emptyFile(path: string): void;
  /** The object store behind it, if it is one. */
  readonly objectStore: ObjectStore | undefined;
  close(): Promise<void>;
}

/** Files below a folder, which is not removed. */
export function fileStorage(folder: string): RegistryStorage {
  return {
    configuration: { filesystem: { rootdirectory: folder } },
    addFolders(path, names) {
      const file = join(folder, 'nothing');
      mkdirSync(join(folder, path), { recursive: true });
      writeFileSync(file, '');
      // The registry lists names. Links to one file are made, and go, ten times as fast as that many folders.
      for (const name of names) linkSync(file, join(folder, path, name));
    },
    async removeFolder(path) {
      const exists = existsSync(join(folder, path));
      await rm(join(folder, path), { recursive: true, force: true });
      return exists;
    },
    emptyFile: (path) => truncateSync(join(folder, path)),
    objectStore: undefined,
    async close() {},
  };
}

/** Objects in an object store of its own. */
export async function objectStorage({
  redirects = false,
  readDelayMs = 0,
}: ObjectStoreSettings): Promise<RegistryStorage> {
  const objectStore = await startObjectStore({ readDelayMs });
  return {
    configuration: objectStore.registryStorage({ redirects }),
    // There are no folders, only objects whose names look like it.
    addFolders(path, names) {
      for (const name of names) objectStore.put(`${path}/${name}/placeholder`, '');
    },
    removeFolder: async (path) => objectStore.removeFolder(path),
    emptyFile: (path) => objectStore.put(path, ''),
    objectStore,
    close: () => objectStore.close(),
  };
}

/** What no client of a registry can do: changes to its content. */
export function damageOf(storage: RegistryStorage) {
  const manifestsOf = (repository: string) => `docker/registry/v2/repositories/${repository}/_manifests`;
  return {
    plantTags(repository: string, tags: readonly string[]): void {
      storage.addFolders(`${manifestsOf(repository)}/tags`, tags);
    },
    async loseManifest(repository: string, digest: Digest): Promise<void> {
      await storage.removeFolder(`${manifestsOf(repository)}/revisions/${digest.replace(':', '/')}`);
    },
    async halfUntag(repository: string, tag: string): Promise<void> {
      await storage.removeFolder(`${manifestsOf(repository)}/tags/${tag}/current`);
    },
    emptyTag(repository: string, tag: string): void {
      storage.emptyFile(`${manifestsOf(repository)}/tags/${tag}/current/link`);
    },
    emptyRevision(repository: string, digest: Digest): void {
      storage.emptyFile(`${manifestsOf(repository)}/revisions/${digest.replace(':', '/')}/link`);
    },
    untag(repository: string, tag: string): Promise<boolean> {
      return storage.removeFolder(`${manifestsOf(repository)}/tags/${tag}`);
    },
  };
}
