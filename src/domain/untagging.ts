/**
 * Untying tags before their manifests are deleted. Deleting a manifest costs the registry one read of every tag that is
 * left in the repository (docker/distribution's `tagStore.Lookup`), so a repository is first rid of its doomed tags; and
 * a doomed twin of a kept tag can go without the manifest that they share.
 *
 * What is untied is noted in the registry itself, in a ledger: an OCI index that lists nothing and says in its
 * annotations what it is. It stands in the repository under a tag of its own, the marker, until all is done.
 */
import { parseObject } from './json.ts';
import { type Digest, parseDigest, parseTag, type Tag } from './names.ts';

/** What a run unties in a repository. A run that unties many tags of one repository has several ledgers there. */
export interface Ledger {
  /** The tag under which the ledger stands. */
  readonly marker: Tag;
  readonly run: string;
  /** `user@host`. */
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
  /** What each tag stood for. */
  readonly tags: ReadonlyMap<Tag, Digest>;
}

/** At most as many tags to a ledger: about 110 KiB. Registries take manifests of up to 4 MiB. */
export const TAGS_PER_LEDGER = 1000;
/** Fewer are not worth a ledger of their own. */
const FEWEST_TAGS_PER_LEDGER = 100;
/**
 * As many ledgers are swept at a time. The registry takes the tags of one ledger away one after the other, a
 * millisecond each on a local disk, so that a few at a time are done sooner.
 */
export const SWEEPS_AT_A_TIME = 4;

/** How many tags go into each ledger when so many are doomed: as many ledgers as are swept at a time, if that suits. */
export function tagsPerLedger(doomed: number): number {
  const share = Math.ceil(doomed / SWEEPS_AT_A_TIME);
  return Math.min(TAGS_PER_LEDGER, Math.max(FEWEST_TAGS_PER_LEDGER, share));
}

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const PREFIX = 'docker-registry-cleaner';
const TITLE = `${PREFIX}/what-this-is`;
const MARKER = `${PREFIX}/ledger`;
const RUN = `${PREFIX}/run`;
const BY = `${PREFIX}/by`;
const SINCE = `${PREFIX}/since`;
const TAGS = `${PREFIX}/tags`;
const TAG = `${PREFIX}/tag`;

/** A run's ID, and which of its ledgers. */
const MARKER_TAG = /^registry-cleaner-\d{8}T\d{6}Z-[0-9a-f]{6}-\d{1,6}$/;

/** The marker of a run's ledger. */
export function markerTag(run: string, number: number): Tag {
  const tag = parseTag(`registry-cleaner-${run}-${number}`);
  if (tag === undefined || !isMarker(tag)) throw new Error(`Not a run's ID: ${run}`);
  return tag;
}

export function isMarker(tag: Tag): boolean {
  return MARKER_TAG.test(tag);
}

/** A manifest as it is put into the registry. The same arguments always give the same bytes, and so the same digest. */
interface ManifestText {
  readonly mediaType: string;
  readonly text: string;
}

/** The ledger as a manifest. */
export function ledgerManifest(ledger: Ledger): ManifestText {
  const tags = [...ledger.tags].sort(([a], [b]) => (a < b ? -1 : 1));
  return emptyIndex({
    [TITLE]: `What a run of docker-registry-cleaner takes off its tags (${TAGS}), kept until it is done. A later run finishes it.`,
    [MARKER]: ledger.marker,
    [RUN]: ledger.run,
    [BY]: ledger.by,
    [SINCE]: ledger.since,
    [TAGS]: JSON.stringify(Object.fromEntries(tags)),
  });
}

/** Reads a ledger's manifest; `undefined` when it is none, or not the one of this marker. */
export function readLedger(marker: Tag, text: string): Ledger | undefined {
  const annotations = annotationsOf(text);
  const { [RUN]: run, [BY]: by, [SINCE]: since, [TAGS]: listed } = annotations;
  if (annotations[MARKER] !== marker || !isMarker(marker)) return undefined;
  if (run === undefined || by === undefined || since === undefined || listed === undefined) return undefined;
  const entries = Object.entries(parseObject(listed) ?? {}).map(([name, value]) => {
    const tag = parseTag(name);
    const digest = typeof value === 'string' ? parseDigest(value) : undefined;
    return tag === undefined || digest === undefined ? undefined : ([tag, digest] as const);
  });
  if (!entries.every((entry) => entry !== undefined)) return undefined;
  return { marker, run, by, since, tags: new Map(entries) };
}

/** The manifest that untied tags stand for until they are swept away. */
export function throwAwayManifest({ marker, run }: Pick<Ledger, 'marker' | 'run'>): ManifestText {
  return emptyIndex({
    [TITLE]: `Nothing. A run of docker-registry-cleaner has untied this tag and was to remove it; what it stood for is noted under the tag ${marker}. A later run finishes it.`,
    [MARKER]: marker,
    [RUN]: run,
  });
}

/**
 * The manifest that a tag without one is pointed at, so that it can be deleted: one of its own for each tag, so that
 * deleting it takes no other tag along.
 */
export function lostTagManifest(tag: Tag): ManifestText {
  return emptyIndex({
    [TITLE]:
      'Nothing. The registry had lost the manifest of this tag; docker-registry-cleaner was to remove it.',
    [TAG]: tag,
  });
}

/** What a manifest of ours says about the tag that stands for it; `undefined` for any other manifest. */
export type OwnManifest = { readonly kind: 'untied'; readonly marker: Tag } | { readonly kind: 'lost' };

/** Recognises the throw-away manifests of this program. */
export function readOwnManifest(text: string): OwnManifest | undefined {
  const annotations = annotationsOf(text);
  const { [MARKER]: name, [TAGS]: tags } = annotations;
  if (annotations[TAG] !== undefined) return { kind: 'lost' };
  const marker = name === undefined ? undefined : parseTag(name);
  return marker === undefined || tags !== undefined ? undefined : { kind: 'untied', marker };
}

function emptyIndex(annotations: Readonly<Record<string, string>>): ManifestText {
  return {
    mediaType: OCI_INDEX,
    text: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations }),
  };
}

/** The annotations of an index that lists nothing; none for anything else. */
function annotationsOf(text: string): Readonly<Record<string, string | undefined>> {
  const { mediaType, manifests, annotations } = parseObject(text) ?? {};
  const isEmpty = mediaType === OCI_INDEX && Array.isArray(manifests) && manifests.length === 0;
  if (!isEmpty || typeof annotations !== 'object' || annotations === null) return {};
  return Object.fromEntries(
    Object.entries(annotations).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])),
  );
}
