/** The throw-away manifest of a program that can put images only, not any manifest it likes. */
import type { Digest, Repository, Tag } from './names.ts';

/** SHA-256 of a text's UTF-8 bytes, in hex. Passed in: hashing is not of this layer. */
export type Sha256 = (text: string) => string;

/** An image of nothing, as Skopeo's `dir:` transport wants it. */
interface ThrowAwayImage {
  readonly digest: Digest;
  /** SHA-256 of the config: the name of its file. */
  readonly configHex: string;
  readonly config: string;
  readonly manifest: string;
}

/**
 * The image that Skopeo points a dangling tag at, so that it can be deleted. Each tag has one of its own, always the
 * same: so deleting it unties no other tag, and a program that finds it knows what it is, over whatever route it looks.
 * So does a person: its label says it.
 */
export function throwAwayImage(
  name: { readonly repository: Repository; readonly tag: Tag },
  sha256: Sha256,
): ThrowAwayImage {
  const label = `throw-away:of-${name.repository}:${name.tag}`;
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { 'docker-registry-cleaner': label } },
    rootfs: { type: 'layers', diff_ids: [] },
  });
  const configHex = sha256(config);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      // All ASCII: a character is a byte.
      size: config.length,
      digest: `sha256:${configHex}`,
    },
    layers: [],
  });
  return { digest: `sha256:${sha256(manifest)}` as Digest, configHex, config, manifest };
}

/** The digest is that of the throw-away image of this very tag. */
export function isThrowAwayImage(
  digest: Digest,
  name: { readonly repository: Repository; readonly tag: Tag },
  sha256: Sha256,
): boolean {
  return digest === throwAwayImage(name, sha256).digest;
}
