import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ObjectStoreSettings } from '../options.ts';
import { type ObjectStore, startObjectStore } from './object-store.ts';

/** Where a registry keeps its content. */
export interface RegistryStorage {
  /** Its part of the section `storage` of the registry's configuration. */
  readonly configuration: Readonly<Record<string, object>>;
  /** Variables of the registry's container. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file, or an object, by its path below the root. */
  put(path: string, content: Buffer | string): void;
  /** The object store that it is, if it is one. */
  readonly objectStore: ObjectStore | undefined;
  close(): Promise<void>;
}

// Where the volume of the registry's pods is mounted.
const mountPath = '/var/lib/registry';

// What the registry holds in the beginning was pushed long ago; what is new looks like a push under way.
const pushedAt = new Date('2026-01-05T12:00:00Z');

/** Opens an object store with the given settings; without any, files below `directory`. */
export async function openStorage(
  directory: string,
  settings: ObjectStoreSettings | undefined,
): Promise<RegistryStorage> {
  if (settings === undefined) return fileStorage(directory);
  const { redirects = false, ...delays } = settings;
  const objectStore = await startObjectStore(delays);
  return {
    configuration: objectStore.registryStorage({ redirects }),
    env: {},
    put: objectStore.put,
    objectStore,
    close: () => objectStore.close(),
  };
}

function fileStorage(directory: string): RegistryStorage {
  return {
    configuration: { filesystem: { rootdirectory: mountPath } },
    env: { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: mountPath },
    put(path, content) {
      mkdirSync(dirname(`${directory}/${path}`), { recursive: true });
      writeFileSync(`${directory}/${path}`, content);
      utimesSync(`${directory}/${path}`, pushedAt, pushedAt);
    },
    objectStore: undefined,
    async close() {},
  };
}
