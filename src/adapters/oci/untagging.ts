import type { Digest, Repository, Tag } from '../../domain/names.ts';
import {
  type Ledger,
  ledgerManifest,
  lostTagManifest,
  readLedger,
  throwAwayManifest,
} from '../../domain/untagging.ts';
import type { StoredManifest, Untagging } from '../../ports.ts';
import { digestOf } from './digest.ts';
import type { Manifests } from './manifests.ts';
import type { Probes } from './probes.ts';

/** Takes tags off their manifests, by whatever means the registry has. */
export class OciUntagging implements Untagging {
  readonly #manifests: Manifests;
  readonly #probes: Probes;

  constructor({ manifests, probes }: { manifests: Manifests; probes: Probes }) {
    this.#manifests = manifests;
    this.#probes = probes;
  }

  async writeLedger(repository: Repository, ledger: Ledger): Promise<void> {
    await this.#manifests.put({ repository, reference: ledger.marker }, stored(ledgerManifest(ledger)));
  }

  async readLedger(repository: Repository, marker: Tag): Promise<Ledger | undefined> {
    const fetched = await this.#manifests.get({ repository, reference: marker });
    return 'missing' in fetched ? undefined : readLedger(marker, fetched.bytes.toString('utf8'));
  }

  async untie(repository: Repository, tag: Tag, ledger: Ledger): Promise<void> {
    if ((await this.#probes.untyingMeans()) === 'delete-tag')
      await this.#manifests.delete({ repository, reference: tag });
    else await this.#manifests.put({ repository, reference: tag }, stored(throwAwayManifest(ledger)));
  }

  /**
   * Deleting a manifest, Docker Distribution removes it first and unties its tags after that. Ended in between, it
   * leaves tags that stand for nothing; ended while it put the manifest, a manifest that it cannot read. Put once more,
   * the manifest can be deleted in either case, with all tags that are left.
   */
  async sweep(repository: Repository, ledger: Ledger): Promise<void> {
    const manifest = stored(throwAwayManifest(ledger));
    const place = { repository, reference: digestOf(manifest.bytes) };
    if ((await this.#probes.untyingMeans()) === 'throw-away') await this.#manifests.put(place, manifest);
    // Also where tags can be deleted: the registry may have been a version 2 when this ledger was begun.
    await this.#manifests.delete(place);
  }

  async retie(repository: Repository, tag: Tag, digest: Digest): Promise<'tied' | 'gone'> {
    const fetched = await this.#manifests.getVerified(repository, digest);
    if ('missing' in fetched) return 'gone';
    await this.#manifests.put({ repository, reference: tag }, fetched);
    return 'tied';
  }

  /** Of what stands under the marker only a ledger is deleted, by whichever version of this program it was written. */
  async removeLedger(repository: Repository, { marker }: Ledger): Promise<void> {
    const place = { repository, reference: marker };
    const fetched = await this.#manifests.get(place);
    if ('missing' in fetched) return;
    if (readLedger(marker, fetched.bytes.toString('utf8')) === undefined)
      throw this.#manifests.unexpected(place, 'it is not the ledger of a run');
    await this.#manifests.delete({ repository, reference: digestOf(fetched.bytes) });
  }

  /** See `Registry.removeDanglingTag`. Where the registry deletes tags, that is all. */
  async removeDanglingTag(repository: Repository, tag: Tag): Promise<void> {
    const place = { repository, reference: tag };
    if ((await this.#probes.untyingMeans()) === 'delete-tag') {
      await this.#manifests.delete(place);
      return;
    }
    const digest = await this.#manifests.put(place, stored(lostTagManifest(tag)));
    await this.#manifests.delete({ repository, reference: digest });
  }
}

function stored({
  mediaType,
  text,
}: {
  mediaType: string;
  text: string;
}): StoredManifest & { bytes: Buffer } {
  return { mediaType, bytes: Buffer.from(text) };
}
