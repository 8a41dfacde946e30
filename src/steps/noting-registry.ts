/** A registry of which every look also brings what a manifest takes: what is looked at anyway is not read once more. */
import { readManifestContent } from '../domain/manifest-content.ts';
import { type Digest, parseTag, type Repository, type Tag } from '../domain/names.ts';
import type { ManifestCache, Reading, Registry, Resolution } from '../ports.ts';

/** @param cache keeps what was found; a tag that it has seen before is looked at without the bytes */
export function noting(registry: Registry, cache: ManifestCache): Registry {
  return {
    check: (...given) => registry.check(...given),
    listTags: (...given) => registry.listTags(...given),
    async resolve(repository, reference, known): Promise<Resolution> {
      if (known !== undefined || isKnown(cache, { repository, reference }))
        return await registry.resolve(repository, reference, known);
      const reading = await registry.read(repository, reference);
      if (reading.state !== 'found') return reading;
      keep(cache, { repository, reference }, reading);
      return { state: 'found', manifest: reading.manifest };
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

function keep(
  cache: ManifestCache,
  { repository, reference }: Place,
  { manifest, stored }: Extract<Reading, { state: 'found' }>,
): void {
  const { digest } = manifest;
  const text = Buffer.from(stored.bytes).toString('utf8');
  const content = readManifestContent({ digest, text, size: stored.bytes.length });
  // Told of by whoever reads it once more: it cannot be said what it takes.
  if (content === undefined) return;
  cache.keep(content);
  const tag = parseTag(reference);
  if (tag !== undefined) cache.noteTag(repository, tag, digest);
}
