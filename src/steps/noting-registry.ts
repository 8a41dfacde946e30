/** A registry of which every look also brings what a manifest takes: what is looked at anyway is not read once more. */
import { readManifestContent } from '../domain/manifest-content.ts';
import { type Digest, parseTag, type Repository, type Tag } from '../domain/names.ts';
import type { Clock, ManifestCache, Reading, Registry, Resolution } from '../ports.ts';

/** @param given.cache keeps what was found; a tag that it has seen before is looked at without the bytes */
export function noting(
  registry: Registry,
  { cache, clock }: { readonly cache: ManifestCache; readonly clock: Clock },
): Registry {
  return {
    check: (...given) => registry.check(...given),
    listTags: (...given) => registry.listTags(...given),
    async resolve(repository, reference, known): Promise<Resolution> {
      const place = { repository, reference };
      const atMs = clock.now();
      const resolution =
        known !== undefined || isKnown(cache, place)
          ? await registry.resolve(repository, reference, known)
          : keep(cache, await registry.read(repository, reference));
      note(cache, place, { resolution, atMs });
      return resolution;
    },
    read: (...given) => registry.read(...given),
    deleteManifest: (...given) => registry.deleteManifest(...given),
    removeDanglingTag: (...given) => registry.removeDanglingTag(...given),
    deletionState: () => registry.deletionState(),
    untagging: registry.untagging,
    content: registry.content,
    inventory: registry.inventory,
    quiesce: (...given) => registry.quiesce(...given),
    close: () => registry.close(),
  };
}

interface Place {
  readonly repository: Repository;
  readonly reference: Tag | Digest;
}

function isKnown(cache: ManifestCache, { repository, reference }: Place): boolean {
  const tag = parseTag(reference);
  return tag === undefined
    ? cache.content(reference as Digest) !== undefined
    : cache.lastSeen(repository, tag) !== undefined;
}

/** Without the bytes, which would be remembered for longer. */
function keep(cache: ManifestCache, reading: Reading): Resolution {
  if (reading.state !== 'found') return reading;
  const { manifest, stored } = reading;
  const text = Buffer.from(stored.bytes).toString('utf8');
  const content = readManifestContent({ digest: manifest.digest, text, size: stored.bytes.length });
  // What it cannot be said of what it takes is told of by whoever reads it once more.
  if (content !== undefined) cache.keep(content);
  return { state: 'found', manifest };
}

function note(
  cache: ManifestCache,
  { repository, reference }: Place,
  { resolution, atMs }: { readonly resolution: Resolution; readonly atMs: number },
): void {
  const tag = parseTag(reference);
  if (tag === undefined) return;
  if (resolution.state !== 'found') {
    cache.doubtTag(repository, tag);
    return;
  }
  const { digest, children } = resolution.manifest;
  if (children.length === 0) cache.noteTag(repository, tag, { digest, atMs });
  // This look has not seen what an index lists: one that did still counts if it has seen the same index.
  else if (cache.lastSeen(repository, tag)?.digest !== digest)
    cache.noteTag(repository, tag, { digest, atMs: undefined });
}
