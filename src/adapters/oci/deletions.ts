import type { Digest, Repository } from '../../domain/names.ts';
import { RegistryHttpError } from './http-error.ts';
import type { Manifests } from './manifests.ts';

/**
 * Deleting manifests by digest.
 *
 * `deleted` is said only on the registry's own word. A deletion whose answer was lost fails (`temporary`), and is looked
 * up before it is sent again: if the manifest is gone then, the answer is `gone`, since nobody can tell any more who
 * deleted it. It is never `gone` at once: Docker Distribution deletes the manifest first and unties its tags after that,
 * so one that ended in between has left tags that stand for nothing, and whoever asked has to look at them again.
 */
export class Deletions {
  readonly #manifests: Manifests;
  /** Those whose answer was lost. */
  readonly #doubtful = new Set<string>();

  constructor(manifests: Manifests) {
    this.#manifests = manifests;
  }

  async delete(repository: Repository, digest: Digest): Promise<'deleted' | 'gone'> {
    const place = { repository, reference: digest };
    const name = `${repository}@${digest}`;
    if (this.#doubtful.has(name)) {
      const isThere = await this.#isThere(repository, digest);
      this.#doubtful.delete(name);
      if (!isThere) return 'gone';
    }
    try {
      return (await this.#manifests.delete(place)) === 'deleted' ? 'deleted' : 'gone';
    } catch (error) {
      if (!(error instanceof RegistryHttpError)) throw error;
      if (error.answerLost) this.#doubtful.add(name);
      // A registry that deletes nothing says so before it looks whether there is anything.
      if (error.status === 405 && !(await this.#isThere(repository, digest))) return 'gone';
      throw error;
    }
  }

  async #isThere(repository: Repository, digest: Digest): Promise<boolean> {
    const place = { repository, reference: digest };
    if ((await this.#manifests.head(place)) !== undefined) return true;
    return !('missing' in (await this.#manifests.get(place)));
  }
}
