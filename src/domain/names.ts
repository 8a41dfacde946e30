/**
 * The names of the field, parsed once at the edge; inside there are only these types.
 *
 * Grammars: OCI Distribution Specification 1.1, "Pulling manifests" (repository, reference) and OCI Image
 * Specification 1.1, "Digests".
 */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A Compute Environment's ID: a MongoDB ObjectID, 24 lower-case hex digits. */
export type EnvironmentId = Branded<'EnvironmentId'>;
/** A repository's name, without the registry's host. */
export type Repository = Branded<'Repository'>;
/** A tag, 1 to 128 characters. */
export type Tag = Branded<'Tag'>;
/** A content digest, `algorithm:hex`. */
export type Digest = Branded<'Digest'>;

const ENVIRONMENT_ID = /^[0-9a-f]{24}$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-zA-Z=_-]{32,}$/;
/** Up to 15 digits, so that every revision is an exact number; longer ones are not Domino's. */
const REVISION = /^[1-9][0-9]{0,14}$/;

/** `undefined` unless `text` is an environment ID. */
export function parseEnvironmentId(text: string): EnvironmentId | undefined {
  return ENVIRONMENT_ID.test(text) ? (text as EnvironmentId) : undefined;
}

/** `undefined` unless `text` is a repository's name of at most 255 characters. */
export function parseRepository(text: string): Repository | undefined {
  return text.length <= 255 && REPOSITORY.test(text) ? (text as Repository) : undefined;
}

/** `undefined` unless `text` is a tag. */
export function parseTag(text: string): Tag | undefined {
  return TAG.test(text) ? (text as Tag) : undefined;
}

/** `undefined` unless `text` is a digest. */
export function parseDigest(text: string): Digest | undefined {
  return DIGEST.test(text) ? (text as Digest) : undefined;
}

/** A revision number, 1 or more; `undefined` for anything else, leading zeros included. */
export function parseRevision(text: string): number | undefined {
  return REVISION.test(text) ? Number(text) : undefined;
}

/** The one repository of Domino's newer naming scheme; its tags are `<environmentId>-<revision>`. */
export const NEW_REPOSITORY = 'dominodatalab/environment' as Repository;

/** The repository of one environment in Domino's older naming scheme; its tags are `<revision>`. */
export function legacyRepository(environment: EnvironmentId): Repository {
  return `domino-${environment}` as Repository;
}

/** The environment and revision that a tag names. */
export interface RevisionName {
  readonly environment: EnvironmentId;
  readonly revision: number;
}

/**
 * Reads a tag of the new repository, as a whole: `<id>-7` names a revision; `<id>-7-debug` and `<id>-007` name
 * none. (The ancestor searched for substrings, and deleted those too.)
 */
export function parseNewTag(tag: Tag): RevisionName | undefined {
  const environment = parseEnvironmentId(tag.slice(0, 24));
  const revision = tag[24] === '-' ? parseRevision(tag.slice(25)) : undefined;
  return environment !== undefined && revision !== undefined ? { environment, revision } : undefined;
}

/** Reads a tag of a legacy repository, as a whole; `buildcache` and the like name no revision. */
export function parseLegacyTag(tag: Tag, environment: EnvironmentId): RevisionName | undefined {
  const revision = parseRevision(tag);
  return revision === undefined ? undefined : { environment, revision };
}
