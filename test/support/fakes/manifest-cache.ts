/** What is known of manifests, in memory; what a program had not closed is lost. */
import type { ManifestContent } from '../../../src/domain/manifest-content.ts';
import type { Digest } from '../../../src/domain/names.ts';
import type { ManifestCache } from '../../../src/ports.ts';

export class MemoryManifests {
  readonly contents = new Map<Digest, ManifestContent>();
  readonly tags = new Map<string, Digest>();
  /** Called before what was noted is written; what it throws is its failure. */
  before: () => void = () => {};

  open(): ManifestCache {
    const contents = new Map(this.contents);
    const tags = new Map(this.tags);
    return {
      content: (digest) => contents.get(digest),
      lastSeen: (repository, tag) => contents.get(tags.get(`${repository}:${tag}`) as Digest),
      keep: (content) => void contents.set(content.digest, content),
      noteTag: (repository, tag, digest) => void tags.set(`${repository}:${tag}`, digest),
      close: async () => {
        this.before();
        for (const [digest, content] of contents) this.contents.set(digest, content);
        for (const [name, digest] of tags) this.tags.set(name, digest);
      },
    };
  }
}
