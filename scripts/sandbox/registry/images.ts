import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Descriptor, StorageWriter, StoredManifest } from './store.ts';
import { tarOf } from './tar.ts';

/** The two families of media types that registries hold side by side. */
const families = {
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
} as const;

/** A layer's compressed bytes and the digest of what they unpack to. */
export interface Layer {
  readonly content: Buffer;
  readonly diffId: string;
}

/** A small real layer: one file with the given text. */
export function layer(path: string, text: string): Layer {
  const archive = tarOf(path, text);
  const diffId = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
  return { content: gzipSync(archive, { level: 1 }), diffId };
}

/** What distinguishes one image from the next. */
export interface ImageParts {
  readonly family: keyof typeof families;
  readonly architecture?: string;
  readonly layers: readonly Layer[];
}

/** Stores an image with a real configuration and returns its manifest. */
export function storeImage(storage: StorageWriter, parts: ImageParts): StoredManifest {
  const types = families[parts.family];
  const config = storage.blob(types.config, configuration(parts));
  const layers = parts.layers.map(({ content }) => storage.blob(types.layer, content));
  const manifest = { schemaVersion: 2, mediaType: types.manifest, config, layers };
  return {
    ...storage.blob(types.manifest, Buffer.from(JSON.stringify(manifest, null, 3))),
    layers: [config, ...layers].map(({ digest }) => digest),
  };
}

function configuration({ architecture = 'amd64', layers }: ImageParts): Buffer {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
  const history = layers.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'RUN build' }));
  const created = '2024-01-01T00:00:00Z';
  return Buffer.from(
    JSON.stringify({ architecture, os: 'linux', created, config: { Cmd: ['bash'] }, rootfs, history }),
  );
}

/** Stores an OCI image index over images of the same repository. */
export function storeIndex(
  storage: StorageWriter,
  children: readonly { readonly image: Descriptor; readonly architecture: string }[],
): StoredManifest {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const manifests = children.map(({ image: { mediaType, digest, size }, architecture }) => ({
    ...{ mediaType, digest, size },
    platform: { architecture, os: 'linux' },
  }));
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }, null, 3));
  return { ...storage.blob(mediaType, index), layers: [] };
}
