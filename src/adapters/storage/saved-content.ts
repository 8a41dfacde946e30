/** Reading back what a run has saved. Manifests stay on disk until they are asked for. */
import { createHash } from 'node:crypto';
import type { Digest } from '../../domain/names.ts';
import type { SavedContent, SavedTag, StoredManifest } from '../../ports.ts';
import { attempt, openExisting } from './files.ts';
import { readMember, readMembers } from './gzip-members.ts';
import { linesOf } from './saved-line.ts';

/** Pieces of the file that are kept unpacked: those who ask go through it from its beginning to its end, several at a time. */
const PIECES_KEPT = 8;

/** Reads the file; it is kept open for the manifests. A file that is not there has nothing in it. */
export async function readSaved(path: string): Promise<SavedContent> {
  const file = await openExisting(path);
  const tags = new Map<string, SavedTag>();
  /** Where each manifest is. */
  const places = new Map<Digest, number>();
  const pieces = new Map<number, Promise<ReadonlyMap<Digest, StoredManifest>>>();
  let damaged = 0;
  if (file !== undefined)
    await attempt('read', path, async () => {
      for await (const member of readMembers(file)) {
        if (member === undefined) damaged += 1;
        for (const entry of linesOf(member?.text ?? '')) {
          if (entry === undefined) damaged += 1;
          if (entry === undefined || member === undefined) continue;
          const { repository, tag, digest, manifest } = entry;
          if (tag !== undefined) tags.set(`${repository}:${tag}@${digest}`, { repository, tag, digest });
          if (manifest !== undefined && !places.has(digest)) places.set(digest, member.at);
        }
      }
    });
  const piece = (at: number) => {
    const known = pieces.get(at) ?? manifestsAt(at);
    // The one that was asked for last stays the longest.
    pieces.delete(at);
    pieces.set(at, known);
    const [oldest] = pieces.keys();
    if (pieces.size > PIECES_KEPT && oldest !== undefined) pieces.delete(oldest);
    return known;
  };
  const manifestsAt = async (at: number) => {
    const member = file && (await attempt('read', path, () => readMember(file, at)));
    return new Map(
      linesOf(member?.text ?? '').flatMap((entry) =>
        entry?.manifest === undefined ? [] : [[entry.digest, entry.manifest] as const],
      ),
    );
  };
  return {
    tags: [...tags.values()],
    damaged,
    async manifest(digest) {
      const at = places.get(digest);
      const manifest = at === undefined ? undefined : (await piece(at)).get(digest);
      return manifest && isOf(digest, manifest.bytes) ? manifest : undefined;
    },
    async close() {
      await file?.close();
    },
  };
}

/** The bytes are those that the digest stands for. */
function isOf(digest: Digest, bytes: Uint8Array): boolean {
  const [algorithm = '', hex] = digest.split(':');
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return false;
  return createHash(algorithm).update(bytes).digest('hex') === hex;
}
