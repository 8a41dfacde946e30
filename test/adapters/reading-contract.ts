/** What the port `Registry` promises of looks that bring the bytes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Digest, Repository, Tag } from '../../src/domain/names.ts';
import { lostTagManifest } from '../../src/domain/untagging.ts';
import { OCI_IMAGE, OCI_INDEX, startRegistry, type TestRegistry } from '../support/registry.ts';
import { type ContractOptions, type RegistryFactory, useRegistry } from './registry-target.ts';

const UNKNOWN_DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest;
const tag = (text: string) => text as Tag;

export function testReadingContract(
  title: string,
  factory: RegistryFactory,
  { storage }: Required<Pick<ContractOptions, 'storage'>>,
): void {
  describe(`${title} reads manifests`, () => {
    const repository = 'read/some' as Repository;
    let server: TestRegistry;
    before(async () => {
      server = await startRegistry(storage);
    });
    after(() => server[Symbol.asyncDispose]());

    it('byte for byte, by tag and by digest, whatever they look like', () =>
      useRegistry(factory, server, async (registry) => {
        await server.putImage(repository, ['config']);
        const config = {
          mediaType: 'application/vnd.oci.image.config.v1+json',
          digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
          size: 2,
        };
        const image = { schemaVersion: 2, config, layers: [], annotations: { 'é ü': '\u2028' } };
        for (const [name, text] of Object.entries({
          pretty: `${JSON.stringify({ ...image, mediaType: OCI_IMAGE }, null, 3)}\n\n`,
          unnamed: JSON.stringify(image),
        })) {
          const digest = await server.putManifest(repository, name, text, OCI_IMAGE);
          const expected = {
            state: 'found',
            manifest: { digest, mediaType: OCI_IMAGE, children: [] },
            stored: { mediaType: OCI_IMAGE, bytes: Buffer.from(text) },
          };
          assert.deepEqual(await registry.read(repository, tag(name)), expected);
          assert.deepEqual(await registry.read(repository, digest), expected);
        }
      }));

    it('of an index, with what it lists', () =>
      useRegistry(factory, server, async (registry) => {
        const children = [await server.putImage(repository, ['a']), await server.putImage(repository, ['b'])];
        const digest = await server.putIndex(repository, 'both', children);
        const reading = await registry.read(repository, tag('both'));
        assert.ok(reading.state === 'found');
        assert.deepEqual(reading.manifest, { digest, mediaType: OCI_INDEX, children });
        assert.equal(reading.stored.mediaType, OCI_INDEX);
      }));

    it('and tells as a look does where there is none', () =>
      useRegistry(factory, server, async (registry) => {
        const lost = await server.putImage(repository, ['lost']);
        await server.loseManifest(repository, lost);
        const { text, mediaType } = lostTagManifest(tag('7'));
        await server.putManifest(repository, '7', text, mediaType);
        for (const reference of [tag('none'), UNKNOWN_DIGEST, tag('lost'), tag('7')])
          assert.deepEqual(
            await registry.read(repository, reference),
            await registry.resolve(repository, reference),
          );
        assert.equal((await registry.read(repository, tag('lost'))).state, 'dangling');
      }));
  });
}
