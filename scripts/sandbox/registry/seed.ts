import type { SandboxSettings } from '../options.ts';
import { Random } from '../random.ts';
import { type Layer, layer, storeImage, storeIndex } from './images.ts';
import type { RegistryStorage } from './storage.ts';
import { StorageWriter, type StoredManifest } from './store.ts';

const newRepository = 'dominodatalab/environment';

/** How the registry is filled. */
export type SeedSettings = Pick<
  SandboxSettings,
  'environments' | 'revisions' | 'legacy' | 'retained' | 'seed' | 'curiosities'
>;

/**
 * Fills an empty registry storage with the images of a believable Domino installation, the same
 * for the same settings, and returns the text of an environments file for it.
 */
export function seedRegistry(storage: Pick<RegistryStorage, 'put'>, settings: SeedSettings): string {
  const seeder = new Seeder(new StorageWriter(storage), settings);
  for (const [position, id] of seeder.ids.entries()) seeder.environment(id, position);
  if (settings.curiosities) seeder.strangers();
  return environmentsFile(seeder.ids, settings);
}

function environmentsFile(ids: readonly string[], { revisions, retained }: SeedSettings): string {
  const newest = Array.from({ length: Math.min(retained, revisions) }, (_, back) => revisions - back);
  const lines = ids.map((id) => `${id} ${newest.join(' ')}`);
  return ['# The newest revisions of each environment of the sandbox.', ...lines, ''].join('\n');
}

class Seeder {
  readonly ids: readonly string[];
  readonly #storage: StorageWriter;
  readonly #settings: SeedSettings;
  readonly #random: Random;
  readonly #bases: readonly Layer[];

  constructor(storage: StorageWriter, settings: SeedSettings) {
    this.#storage = storage;
    this.#settings = settings;
    this.#random = new Random(settings.seed);
    this.ids = Array.from({ length: settings.environments }, () => `62${this.#random.hex(22)}`);
    this.#bases = ['ubuntu', 'python', 'r'].map((name) => layer(`opt/${name}`, `${name} ${settings.seed}\n`));
  }

  /** All revisions of one environment, under the new naming and, for the first few, the older one. */
  environment(id: string, position: number): void {
    const { revisions, legacy } = this.#settings;
    const made = this.#images(id, revisions);
    if (this.#settings.curiosities) this.#curiosities(id, position, made);
    for (const [revision, image] of made) this.#storage.tag(newRepository, `${id}-${revision}`, image);
    if (position < legacy) this.#legacy(id, position);
  }

  /** Environments in the registry that the environments file does not know. */
  strangers(): void {
    for (const id of [this.#random.hex(24), this.#random.hex(24)]) {
      for (const [revision, image] of this.#images(id, 3)) {
        this.#storage.tag(newRepository, `${id}-${revision}`, image);
      }
    }
  }

  #legacy(id: string, position: number): void {
    const { revisions, legacy, curiosities } = this.#settings;
    // The last one was left behind when its environment moved on: nothing of it is retained.
    const abandoned = curiosities && legacy > 1 && position === legacy - 1;
    const made = this.#images(`legacy-${id}`, abandoned ? Math.ceil(revisions / 2) : revisions);
    if (curiosities && position === 0) {
      this.#share(made, revisions, revisions - this.#settings.retained);
      this.#storage.tag(`domino-${id}`, 'buildcache', this.#image(`cache-${id}`, 0));
    }
    for (const [revision, image] of made) this.#storage.tag(`domino-${id}`, `${revision}`, image);
  }

  /** What makes cleaning dangerous, spread over the first environments. */
  #curiosities(id: string, position: number, made: Map<number, StoredManifest>): void {
    const { revisions, retained } = this.#settings;
    const doomed = revisions - retained;
    if (position === 0) this.#share(made, revisions, doomed);
    if (position === 1) this.#share(made, 1, 2);
    if (position === 2) this.#indexes(made, doomed);
    if (position === 3) {
      this.#storage.tag(newRepository, `${id}-3-debug`, this.#image(`debug-${id}`, 3));
      this.#storage.tag(newRepository, `${id}-007`, this.#image(`agent-${id}`, 7));
    }
  }

  /** Puts a second revision on the digest of the first. */
  #share(made: Map<number, StoredManifest>, first: number, second: number): void {
    const image = made.get(first);
    if (image !== undefined && second >= 1 && second <= this.#settings.revisions) made.set(second, image);
  }

  /** A kept index over two doomed revisions, and a doomed index over one more and an untagged image. */
  #indexes(made: Map<number, StoredManifest>, doomed: number): void {
    const [first, second, third] = [made.get(1), made.get(2), made.get(3)];
    if (doomed < 4 || first === undefined || second === undefined || third === undefined) return;
    made.set(this.#settings.revisions, this.#index(first, second));
    const untagged = this.#image('untagged', 0);
    this.#storage.manifest(newRepository, untagged);
    made.set(4, this.#index(third, untagged));
  }

  #index(amd64: StoredManifest, arm64: StoredManifest): StoredManifest {
    return storeIndex(this.#storage, [
      { image: amd64, architecture: 'amd64' },
      { image: arm64, architecture: 'arm64' },
    ]);
  }

  #images(name: string, revisions: number): Map<number, StoredManifest> {
    const numbers = Array.from({ length: revisions }, (_, index) => index + 1);
    return new Map(numbers.map((revision) => [revision, this.#image(name, revision)]));
  }

  #image(name: string, revision: number): StoredManifest {
    const base = this.#bases[this.#random.next() % this.#bases.length] as Layer;
    const own = layer('opt/revision', `${name} ${revision} ${this.#settings.seed}\n`);
    // Builders changed over the years: older revisions are Docker images, newer ones OCI.
    return storeImage(this.#storage, { family: revision % 4 === 0 ? 'oci' : 'docker', layers: [base, own] });
  }
}
