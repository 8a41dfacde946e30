/** A great many tags of the newer naming scheme, and the quick way to get them into a registry. */
import type { Sandbox } from '../sandbox/index.ts';
import { StorageWriter } from '../sandbox/registry/store.ts';

export const REPOSITORY = 'dominodatalab/environment';
/** Revisions of each environment; the newest is retained. */
const REVISIONS = 101;

export interface ManyTags {
  readonly tags: readonly string[];
  readonly doomed: number;
  /** The environments file that says so. */
  readonly environments: string;
}

/** An environment that is made up. */
export function environmentId(at: number): string {
  return (0x620000 + at).toString(16).padEnd(24, '0');
}

/** The tags of so many environments, all but one of each doomed. */
export function manyTags(environments: number): ManyTags {
  const ids = Array.from({ length: environments }, (_, at) => environmentId(at));
  const revisions = Array.from({ length: REVISIONS }, (_, at) => at + 1);
  return {
    tags: ids.flatMap((id) => revisions.map((revision) => `${id}-${revision}`)),
    doomed: environments * (REVISIONS - 1),
    environments: ids.map((id) => `${id} ${REVISIONS}\n`).join(''),
  };
}

/** Writes them into a sandbox's object store, each with a manifest of its own; the registry has not asked for any yet. */
export function putManyTags({ objectStore }: Sandbox, tags: readonly string[]): void {
  if (objectStore === undefined) throw new Error('The sandbox has no object store.');
  const storage = new StorageWriter(objectStore);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = storage.blob('application/vnd.oci.image.config.v1+json', Buffer.from('{}'));
  for (const tag of tags) {
    const manifest = { schemaVersion: 2, mediaType, config, layers: [], annotations: { tag } };
    const blob = storage.blob(mediaType, Buffer.from(JSON.stringify(manifest)));
    storage.tag(REPOSITORY, tag, { ...blob, layers: [config.digest] });
  }
}
