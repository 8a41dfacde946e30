import { createHash } from 'node:crypto';
import type { Digest, Repository, Tag } from '../../domain/names.ts';
import { digestOf } from './manifest.ts';

/** An image of nothing, as Skopeo's `dir:` transport wants it. */
export interface ThrowAway {
  readonly digest: Digest;
  /** SHA-256 of the config: the name of its file. */
  readonly configHex: string;
  readonly config: string;
  readonly manifest: string;
}

/**
 * The manifest that a dangling tag is pointed at, so that it can be deleted. Each tag has one of its own, always the
 * same: so deleting it unties no other tag, and a program that finds it knows what it is. So does a person: its label
 * says it.
 */
export function throwAway(repository: Repository, tag: Tag): ThrowAway {
  const label = `throw-away:of-${repository}:${tag}`;
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { 'docker-registry-cleaner': label } },
    rootfs: { type: 'layers', diff_ids: [] },
  });
  const configHex = createHash('sha256').update(config).digest('hex');
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: Buffer.byteLength(config),
      digest: `sha256:${configHex}`,
    },
    layers: [],
  });
  return { digest: digestOf(Buffer.from(manifest)), configHex, config, manifest };
}
