import { UsageError } from '../../domain/errors.ts';
import type { Manifest } from '../../domain/manifest.ts';
import type { Digest, Repository, Tag } from '../../domain/names.ts';
import { plainText } from '../../domain/text.ts';
import type {
  Inventory,
  Reading,
  Registry,
  RegistryContent,
  Resolution,
  StoredManifest,
  TagListing,
  Untagging,
} from '../../ports.ts';
import { knowsBlob } from './blobs.ts';
import { readCatalog } from './catalog.ts';
import { RegistryClient, type RegistryClientOptions } from './client.ts';
import { Deletions } from './deletions.ts';
import { Listings } from './listings.ts';
import { Looks } from './looks.ts';
import { Manifests } from './manifests.ts';
import { Probes } from './probes.ts';
import { OciUntagging } from './untagging.ts';

export type OciRegistryOptions = RegistryClientOptions;

/** A registry spoken to by its own API, over whatever connections the dialer makes. */
export function createOciRegistry(options: OciRegistryOptions): Registry & RegistryContent {
  validate(options);
  return new OciRegistry(options);
}

class OciRegistry implements Registry, RegistryContent {
  readonly untagging: Untagging;
  readonly content: RegistryContent = this;
  readonly inventory: Inventory;
  readonly #client: RegistryClient;
  readonly #manifests: Manifests;
  readonly #listings: Listings;
  readonly #looks: Looks;
  readonly #deletions: Deletions;
  readonly #probes: Probes;
  readonly #untagging: OciUntagging;

  constructor(options: OciRegistryOptions) {
    const client = new RegistryClient(options);
    const manifests = new Manifests(client);
    this.#client = client;
    this.#manifests = manifests;
    this.#listings = new Listings(client);
    this.#looks = new Looks({ manifests, listings: this.#listings });
    this.#deletions = new Deletions(manifests);
    this.#probes = new Probes({ client, manifests });
    this.#untagging = new OciUntagging({ manifests, probes: this.#probes });
    this.untagging = this.#untagging;
    this.inventory = {
      listRepositories: () => readCatalog(client),
      readManifest: (repository, digest) => this.readManifest(repository, digest),
    };
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#probes.check(signal);
  }

  async listTags(repository: Repository): Promise<TagListing> {
    return await this.#listings.list(repository);
  }

  async resolve(repository: Repository, reference: Tag | Digest, known?: Manifest): Promise<Resolution> {
    return await this.#looks.resolve({ repository, reference }, known);
  }

  async read(repository: Repository, reference: Tag | Digest): Promise<Reading> {
    return await this.#looks.read(repository, reference);
  }

  async deleteManifest(repository: Repository, digest: Digest): Promise<'deleted' | 'gone'> {
    return await this.#deletions.delete(repository, digest);
  }

  async removeDanglingTag(repository: Repository, tag: Tag): Promise<void> {
    await this.#untagging.removeDanglingTag(repository, tag);
  }

  async deletionState(): Promise<'enabled' | 'disabled'> {
    return await this.#probes.deletionState();
  }

  async knowsBlob(repository: Repository, digest: Digest): Promise<'there' | 'known' | 'unknown'> {
    return await knowsBlob(this.#client, { repository, digest });
  }

  async readManifest(repository: Repository, digest: Digest): Promise<StoredManifest | undefined> {
    const fetched = await this.#manifests.getVerified(repository, digest);
    return 'missing' in fetched ? undefined : { mediaType: fetched.mediaType, bytes: fetched.bytes };
  }

  async putManifest(
    repository: Repository,
    reference: Tag | Digest,
    manifest: StoredManifest,
  ): Promise<Digest> {
    return await this.#manifests.put({ repository, reference }, manifest);
  }

  async quiesce(signal: AbortSignal): Promise<void> {
    await this.#client.quiesce(signal);
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}

function validate({ registry, credentials, run, concurrency }: OciRegistryOptions): void {
  if (!/^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?$/.test(registry))
    throw new UsageError(`Not a registry's address: ${plainText(registry, 100)}`, {
      next: 'Give host:port.',
    });
  if (credentials?.username.includes(':') === true)
    throw new UsageError(
      "The registry's user name has a colon in it, which Basic authentication does not allow.",
    );
  if (credentials !== undefined && /[\n\r\0]/.test(credentials.username + credentials.password))
    throw new UsageError("The registry's user name or password has a line break in it.", {
      next: 'Check SKOPEO_PASSWORD, or the Secret: a file often ends with a line break that is not part of it.',
    });
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(run))
    throw new TypeError(`Not the name of a run: ${plainText(run, 100)}`);
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new RangeError(`Not a concurrency: ${concurrency}`);
}
