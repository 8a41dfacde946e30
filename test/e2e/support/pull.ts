/** Pulls images with Skopeo, as anybody would who needs them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { $ } from 'zx';
import type { RegistryView, StoredManifest } from './registry-view.ts';
import type { Site } from './site.ts';

const AT_A_TIME = 3;

/**
 * Pulls each of these images into a folder, with all that an index lists, and holds it byte for byte against what the
 * registry had when `view` was taken.
 *
 * @param images `repository:tag`
 */
export async function assertPulls(site: Site, view: RegistryView, images: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(site.folder, 'pulled-'));
  const authFile = join(folder, 'auth.json');
  const { registry, username, password } = site.sandbox;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  writeFileSync(authFile, JSON.stringify({ auths: { [registry]: { auth } } }), { mode: 0o600 });
  const left = images.entries();
  const pull = async () => {
    for (const [number, image] of left) {
      const target = join(folder, String(number));
      await $({
        quiet: true,
      })`skopeo copy --all --src-tls-verify=false --src-authfile ${authFile} ${`docker://${registry}/${image}`} ${`dir:${target}`}`;
      const [repository = '', tag = ''] = image.split(/:(?=[^:]*$)/);
      const content = view.get(repository);
      const digest = content?.tags.get(tag) ?? '';
      assertWhole(target, content?.manifests ?? new Map(), digest, 'manifest.json');
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, pull));
  rmSync(folder, { recursive: true });
}

/** The folder has the manifest, and all that it names. */
function assertWhole(
  folder: string,
  manifests: ReadonlyMap<string, StoredManifest>,
  digest: string,
  file: string,
): void {
  const before = manifests.get(digest);
  assert.ok(before, `${digest} was there`);
  assert.equal(readFileSync(join(folder, file), 'utf8'), before.text);
  for (const child of before.children)
    assertWhole(folder, manifests, child, `${child.replace('sha256:', '')}.manifest.json`);
  const { config, layers = [] } = JSON.parse(before.text) as {
    config?: { digest: string };
    layers?: readonly { digest: string }[];
  };
  for (const blob of [...(config ? [config] : []), ...layers]) {
    const hex = blob.digest.replace('sha256:', '');
    const path = join(folder, hex);
    assert.ok(existsSync(path), `${blob.digest} of ${digest} was pulled`);
    assert.equal(createHash('sha256').update(readFileSync(path)).digest('hex'), hex);
  }
}
