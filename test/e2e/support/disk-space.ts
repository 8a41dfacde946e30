/** What is on a registry's disk, and its garbage collector. */
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '../../../scripts/sandbox/index.ts';
import { StorageWriter } from '../../../scripts/sandbox/registry/store.ts';

/** Writes into the storage of a registry that runs, for content that it has not been asked for yet. */
export function fill({ storage, isolated }: Sandbox, write: (writer: StorageWriter) => void): void {
  const writer = new StorageWriter({
    put(path, content) {
      execFileSync('mkdir', ['-p', join(storage, path, '..')]);
      writeFileSync(join(storage, path), content);
    },
  });
  write(writer);
  // The registry has to be able to delete it.
  if (isolated) execFileSync('chown', ['-R', `--reference=${storage}`, storage]);
}

/** The sizes of all blobs on disk, by their hex digests. */
export function blobsOnDisk({ storage }: Sandbox): ReadonlyMap<string, number> {
  const root = join(storage, 'docker/registry/v2/blobs/sha256');
  const sizes = new Map<string, number>();
  for (const prefix of readdirSync(root))
    for (const hex of readdirSync(join(root, prefix)))
      sizes.set(hex, lstatSync(join(root, prefix, hex, 'data')).size);
  return sizes;
}

/** Together, in bytes. */
export function sizeOf(blobs: ReadonlyMap<string, number>): number {
  return [...blobs.values()].reduce((sum, size) => sum + size, 0);
}

/** Runs `registry garbage-collect`. The registry must be restarted before it is pushed to again. */
export function collectGarbage({ storage }: Sandbox, folder: string): void {
  const config = join(folder, 'garbage-collect.yml');
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({ version: '0.1', storage: { filesystem: { rootdirectory: storage } } }),
  );
  execFileSync('docker-registry', ['garbage-collect', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' },
  });
}
