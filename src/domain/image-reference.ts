/**
 * Images as a pod, a container's status or a person names them (distribution's `reference` package, "Grammar", which
 * containerd, CRI-O and Docker share).
 */
import { type Digest, parseDigest, parseRepository, parseTag, type Repository, type Tag } from './names.ts';

/** What a name says of an image, but for the host: one registry may have many. */
export interface ImageReference {
  /** With whatever path a proxy puts before it; `undefined` when all that is known is a digest. */
  readonly repository: Repository | undefined;
  /** `latest` where the name has neither tag nor digest. */
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
}

const DEFAULT_TAG = 'latest' as Tag;

/** `docker-pullable://` and the like: how container runtimes have marked the image of a container. */
const MARK = /^[a-z][a-z0-9+.-]*:\/\//;
/** An image without a name: its manifest's digest, or its configuration's; CRI-O leaves `sha256:` out. */
const BARE_DIGEST = /^(?:sha256:)?([0-9a-f]{64})$/;
const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?$/;

/** `undefined` for what no container runtime would accept as a name either. */
export function parseImageReference(text: string): ImageReference | undefined {
  const name = text.replace(MARK, '');
  const bare = BARE_DIGEST.exec(name)?.[1];
  if (bare !== undefined)
    return { repository: undefined, tag: undefined, digest: parseDigest(`sha256:${bare}`) };

  const [place = '', digestText, ...more] = name.split('@');
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  if (more.length > 0 || (digestText !== undefined && digest === undefined)) return undefined;

  const path = withoutHost(place);
  const colon = path?.indexOf(':') ?? -1;
  const repository = path && parseRepository(colon < 0 ? path : path.slice(0, colon));
  if (!path || !repository) return undefined;
  if (colon < 0) return { repository, tag: digest === undefined ? DEFAULT_TAG : undefined, digest };
  const tag = parseTag(path.slice(colon + 1));
  return tag && { repository, tag, digest };
}

/** What comes first is a host if it could not be a part of Docker Hub's names; `undefined` for one that can be none. */
function withoutHost(place: string): string | undefined {
  const slash = place.indexOf('/');
  const first = place.slice(0, Math.max(slash, 0));
  if (!/[.:A-Z]/.test(first) && first !== 'localhost') return place;
  return HOST.test(first) ? place.slice(slash + 1) : undefined;
}
