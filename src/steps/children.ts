/** Deletes what doomed indexes listed and nothing that stays needs: the platforms of an image that has gone. */
import { messageOf, RegistryError } from '../domain/errors.ts';
import type { Digest, Repository } from '../domain/names.ts';
import { fallenChildren, type RepositoryPlan } from '../domain/plan.ts';
import type { Context } from './context.ts';
import type { LastLook } from './last-look.ts';
import { retrying } from './retry.ts';
import type { Saving } from './saving.ts';
import { noteInTrail } from './trail.ts';

export class Children {
  readonly #context: Context;
  readonly #look: LastLook;
  readonly #saving: Saving;
  /** By repository: each child with the indexes that still list it. */
  readonly #waiting = new Map<Repository, Map<Digest, Set<Digest>>>();

  constructor(context: Context, { look, saving }: { look: LastLook; saving: Saving }) {
    this.#context = context;
    this.#look = look;
    this.#saving = saving;
  }

  /** From the plan as it is to be carried out. What has gone by now lists nothing any more. */
  expect(plan: RepositoryPlan): void {
    const { outcomes } = this.#context;
    const { repository } = plan.ref;
    const children = fallenChildren(plan);
    if (children.size === 0) return;
    const gone = new Set(
      plan.tags.flatMap(({ tag, digest }) => (outcomes.isGone(repository, tag) && digest ? digest : [])),
    );
    const waiting = new Map<Digest, Set<Digest>>();
    for (const [child, parents] of children) {
      const left = new Set([...parents].filter((parent) => !gone.has(parent)));
      if (left.size > 0) waiting.set(child, left);
    }
    this.#waiting.set(repository, waiting);
  }

  /**
   * The index has gone: what only it still listed goes as well. A child that cannot be deleted is told; it has no tag, so
   * nothing but the registry's garbage collector will ever find it again.
   */
  async follow(repository: Repository, parent: Digest): Promise<void> {
    const waiting = this.#waiting.get(repository) ?? new Map<Digest, Set<Digest>>();
    for (const [child, parents] of waiting) {
      if (!parents.delete(parent) || parents.size > 0) continue;
      waiting.delete(child);
      if (this.#look.keeperOf(repository, child) !== undefined) continue;
      if (await this.#delete(repository, child)) await this.follow(repository, child);
    }
  }

  async #delete(repository: Repository, child: Digest): Promise<boolean> {
    const { person, signal } = this.#context;
    const note = (outcome: 'deleted' | 'failed', reason: string) =>
      noteInTrail(this.#context, { event: 'manifest', repository, digest: child, outcome, reason });
    try {
      await retrying(() => this.#saving.deleteManifest(repository, child), this.#context);
      note('deleted', 'a deleted index listed it');
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      note('failed', messageOf(error));
      person.warn(
        `${repository}@${child}, which a deleted index listed, is still there: ${messageOf(error)}`,
      );
      return false;
    }
  }
}
