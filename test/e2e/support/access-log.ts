/** The registry's access log: what was really asked of it. */
import { readFile } from 'node:fs/promises';

export interface Deletion {
  /** `repository@digest`. */
  readonly manifest: string;
  readonly status: number;
}

/** Every DELETE of a manifest, in its order. Deletions of digests that cannot exist are not counted. */
export async function deletions(log: string): Promise<readonly Deletion[]> {
  const text = await readFile(log, 'utf8');
  const requests = text.matchAll(/"DELETE \/v2\/(\S+)\/manifests\/(sha256:[0-9a-f]{64}) [^"]*" (\d{3})/g);
  return [...requests]
    .map(([, repository, digest, status]) => ({
      manifest: `${repository}@${digest}`,
      status: Number(status),
    }))
    .filter(({ manifest }) => !/:0{64}$/.test(manifest));
}

/** How many of them had been asked for before. */
export function repeated(all: readonly Deletion[]): number {
  return all.length - new Set(all.map(({ manifest }) => manifest)).size;
}
