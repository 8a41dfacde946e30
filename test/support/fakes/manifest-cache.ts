/** What is known of manifests, in memory; what a program had not closed is lost. */
import type { ManifestContent } from '../../../src/domain/manifest-content.ts';
import type { Digest, Repository, Tag } from '../../../src/domain/names.ts';
import type { ManifestCache } from '../../../src/ports.ts';

export class MemoryManifests {
  readonly contents = new Map<Digest, ManifestContent>();
  readonly tags = new Map<string, { readonly digest: Digest; readonly atMs: number | undefined }>();
  /** Called before what was noted is written; what it throws is its failure. */
  before: () => void = () => {};

  open(registry: string): ManifestCache {
    const contents = new Map(this.contents);
    const tags = new Map(this.tags);
    const nameOf = (repository: Repository, tag: Tag) => `${registry}/${repository}:${tag}`;
    return {
      content: (digest) => contents.get(digest),
      lastSeen: (repository, tag) => contents.get(tags.get(nameOf(repository, tag))?.digest as Digest),
      seenAtMs: (repository, tag) => tags.get(nameOf(repository, tag))?.atMs,
      keep: (content) => void contents.set(content.digest, content),
      noteTag: (repository, tag, seen) => void tags.set(nameOf(repository, tag), seen),
      doubtTag: (repository, tag) => {
        const seen = tags.get(nameOf(repository, tag));
        if (seen) tags.set(nameOf(repository, tag), { ...seen, atMs: undefined });
      },
      close: async () => {
        this.before();
        for (const [digest, content] of contents) this.contents.set(digest, content);
        for (const [name, seen] of tags) this.tags.set(name, seen);
      },
    };
  }
}
