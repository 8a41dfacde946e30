import { IMAGE_TYPES } from '../../domain/manifest.ts';
import { type Digest, parseDigest, parseTag, type Repository, type Tag } from '../../domain/names.ts';
import { parseLogLine } from './log.ts';

/** What a look at a tag found, where it found an image. */
export interface Look {
  readonly digest: Digest;
  readonly mediaType: string;
}

interface Section {
  readonly tag: Tag;
  readonly mediaTypes: string[];
  readonly digests: string[];
  judged: boolean;
}

/**
 * Reads the log of `look` in `lane.sh`: which image, by digest, each tag bears. There, Skopeo works on one tag after
 * the other, and says in turn: which reference it goes for, the media type of the manifest it got, that it judges
 * just that reference, and where it looks for a signature, a path that ends with the digest it computed.
 *
 * Only a tag of which all four were found, exactly once and in this order, and which is a single image, is in the
 * result. Whatever else happened to a tag, and should a later Skopeo word its log differently: it is left out, and
 * the caller asks for it in the slow, certain way.
 */
export function readLooks(log: string, where: { registry: string; repository: Repository }): Map<Tag, Look> {
  const looks = new Map<Tag, Look>();
  for (const section of sections(log, `${where.registry}/${where.repository}`)) {
    const look = conclude(section);
    if (look !== undefined) looks.set(section.tag, look);
  }
  return looks;
}

function sections(log: string, name: string): Section[] {
  const all: Section[] = [];
  let current: Section | undefined;
  for (const line of log.split('\n')) {
    const message = parseLogLine(line)?.message ?? '';
    const begun = /^Trying to access "(.+)"$/.exec(message)?.[1];
    if (begun !== undefined) {
      const tag = begun.startsWith(`${name}:`) ? parseTag(begun.slice(name.length + 1)) : undefined;
      current = tag && { tag, mediaTypes: [], digests: [], judged: false };
      if (current !== undefined) all.push(current);
    } else if (current !== undefined) {
      note(current, { message, name });
    }
  }
  return all;
}

function note(section: Section, { message, name }: { message: string; name: string }): void {
  const mediaType = /^Content-Type from manifest GET is "(.*)"$/.exec(message)?.[1];
  if (mediaType !== undefined) section.mediaTypes.push(mediaType);
  const judged = /^IsRunningImageAllowed for image docker:(.+)$/.exec(message)?.[1];
  if (judged !== undefined) section.judged = judged === `${name}:${section.tag}`;
  const repository = name.slice(name.indexOf('/') + 1);
  const [, path, hex] = /^Reading (.+)@sha256=([0-9a-f]{64})\/signature-1$/.exec(message) ?? [];
  if (path === undefined) return;
  const expected = section.judged && path.endsWith(`/${repository}`);
  section.digests.push(expected ? `sha256:${hex}` : '');
}

function conclude({ mediaTypes, digests, judged }: Section): Look | undefined {
  const [mediaType = ''] = mediaTypes;
  const digest = parseDigest(digests[0] ?? '');
  const certain = judged && mediaTypes.length === 1 && digests.length === 1 && IMAGE_TYPES.has(mediaType);
  return certain && digest !== undefined ? { digest, mediaType } : undefined;
}
