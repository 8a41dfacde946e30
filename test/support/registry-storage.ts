/** Where a registry of a test keeps its content, and what can be done there behind its back. */
import { existsSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStoreSettings } from '../../scripts/sandbox/options.ts';
import { type ObjectStore, startObjectStore } from '../../scripts/sandbox/registry/object-store.ts';
import type { Digest } from '../../src/domain/names.ts';

export interface RegistryStorage {
  /** The section `storage` of the registry's configuration. */
  readonly configuration: object;
  /** Makes it look as if there were something below that folder. */
  addFolder(folder: string): void;
  /** Removes all that is below a folder; `false` when there was nothing. */
  removeFolder(folder: string): Promise<boolean>;
  /** The object store behind it, if it is one. */
  readonly objectStore: ObjectStore | undefined;
  close(): Promise<void>;
}

/** Files below a folder, which is not removed. */
export function fileStorage(folder: string): RegistryStorage {
  return {
    configuration: { filesystem: { rootdirectory: folder } },
    addFolder(path) {
      mkdirSync(join(folder, path), { recursive: true });
    },
    async removeFolder(path) {
      const exists = existsSync(join(folder, path));
      await rm(join(folder, path), { recursive: true, force: true });
      return exists;
    },
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
    addFolder: (path) => objectStore.put(`${path}/placeholder`, ''),
    removeFolder: async (path) => objectStore.removeFolder(path),
    objectStore,
    close: () => objectStore.close(),
  };
}

/** What no client of a registry can do: changes to its content. */
export function damageOf(storage: RegistryStorage) {
  const manifestsOf = (repository: string) => `docker/registry/v2/repositories/${repository}/_manifests`;
  return {
    plantTags(repository: string, tags: readonly string[]): void {
      for (const tag of tags) storage.addFolder(`${manifestsOf(repository)}/tags/${tag}`);
    },
    async loseManifest(repository: string, digest: Digest): Promise<void> {
      await storage.removeFolder(`${manifestsOf(repository)}/revisions/${digest.replace(':', '/')}`);
    },
    untag(repository: string, tag: string): Promise<boolean> {
      return storage.removeFolder(`${manifestsOf(repository)}/tags/${tag}`);
    },
  };
}
