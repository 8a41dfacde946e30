/** The look at a tag immediately before it is deleted, and what tags that moved meanwhile need. */
import { inUseOf, neededInUse, type UsedImages } from '../domain/in-use.ts';
import type { Manifest } from '../domain/manifest.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import { type Deletion, neededDigests, type RepositoryPlan } from '../domain/plan.ts';
import type { Indexes } from '../domain/planned-tag.ts';
import { type Needed, protectionRules } from '../domain/protection.ts';
import type { Context } from './context.ts';
import { withNested } from './look.ts';
import type { OutcomeBook } from './outcome-book.ts';
import type { Saving } from './saving.ts';

/** A tag that no longer stands for the planned manifest. */
interface Moved {
  readonly tag: Tag;
  /** What it stands for now. */
  readonly digest: Digest;
  readonly indexes: Indexes;
}

/**
 * - `still`: it stands for the planned manifest
 * - `untied`: it stands for a throw-away manifest
 * - `gone`: there is no such tag
 * - `settled`: it is none of these, and its outcome has been noted
 */
type Look = 'still' | 'untied' | 'gone' | 'settled';

export class LastLook {
  readonly #context: Context;
  readonly #book: OutcomeBook;
  readonly #saving: Saving;
  /**
   * What must not be deleted although the plan said so, by repository: what doomed tags need that moved, and kept ones
   * that moved or were pushed.
   */
  readonly #needed = new Map<Repository, Map<Tag | Digest, string>>();
  /** What must stay for what is in use, by repository, as long as the same is in use. */
  #neededInUse: { readonly used: UsedImages | undefined; readonly byRepository: Map<Repository, Needed> } = {
    used: undefined,
    byRepository: new Map(),
  };

  constructor(context: Context, { book, saving }: { book: OutcomeBook; saving: Saving }) {
    this.#context = context;
    this.#book = book;
    this.#saving = saving;
  }

  /**
   * Looks at a doomed tag. One that still stands for its manifest is noted as about to go, with the manifest's bytes.
   *
   * @param given.wasUntied an earlier start, or run, has begun to untie it: then it may stand for nothing because the
   * registry was ended while it swept the throw-away manifest away
   */
  async at(
    { repository, digest }: Pick<Deletion, 'repository' | 'digest'>,
    tag: Tag,
    given: { readonly wasUntied: boolean } = { wasUntied: false },
  ): Promise<Look> {
    const resolution = await this.#saving.look(repository, tag, digest);
    switch (resolution.state) {
      case 'gone':
      case 'untied':
        return resolution.state;
      case 'dangling':
        if (given.wasUntied && (await this.#isThere(repository, digest))) return 'untied';
        await this.#removeDangling({ repository, digest }, tag);
        return 'settled';
      case 'unreadable':
        this.#book.note(repository, tag, 'drifted', `its manifest cannot be read: ${resolution.reason}`);
        return 'settled';
      case 'found':
        if (resolution.manifest.digest === digest) {
          const look = await this.#stillUnless({ repository, digest }, tag);
          if (look === 'still')
            this.#saving.note(
              { repository, tag, digest },
              'stored' in resolution ? resolution.stored : undefined,
            );
          return look;
        }
        await this.#lookInto(repository, tag, resolution.manifest);
        this.noteMoved(repository, tag, resolution.manifest.digest);
        return 'settled';
    }
  }

  /** The tag that needs a manifest now; `undefined` when none does. */
  keeperOf(repository: Repository, digest: Digest): string | undefined {
    return this.#needed.get(repository)?.get(digest);
  }

  /** What uses one of the tags at this moment, or their manifest, in words; `undefined` when nothing does. */
  async userOf(repository: Repository, digest: Digest, tags: readonly Tag[]): Promise<string | undefined> {
    const needed = await this.#inUse(repository);
    const used = [digest, ...tags].find((each) => needed.has(each));
    return used && needed.get(used);
  }

  async #stillUnless(
    { repository, digest }: Pick<Deletion, 'repository' | 'digest'>,
    tag: Tag,
  ): Promise<Look> {
    const user = await this.userOf(repository, digest, [tag]);
    if (user === undefined) return 'still';
    const { indexes = {} } = this.#context.plans.get(repository) ?? {};
    this.keepMoved(repository, { tag, digest, indexes });
    this.#book.note(repository, tag, 'drifted', `in use now (${user})`);
    return 'settled';
  }

  async #inUse(repository: Repository): Promise<Needed> {
    const used = await this.#context.imagesInUse.now();
    if (this.#neededInUse.used !== used) this.#neededInUse = { used, byRepository: new Map() };
    const { byRepository } = this.#neededInUse;
    const known = byRepository.get(repository);
    if (known !== undefined) return known;
    const { indexes = {} } = this.#context.plans.get(repository) ?? {};
    const needed = neededInUse(inUseOf(used, repository), indexes);
    byRepository.set(repository, needed);
    return needed;
  }

  /** From now on nothing is deleted that the tag needs. */
  keepMoved(repository: Repository, { tag, digest, indexes }: Moved): void {
    const kept = this.#needed.get(repository) ?? new Map<Tag | Digest, string>();
    this.#needed.set(repository, kept);
    const view = { kept: new Map([[digest, tag]]), indexes };
    for (const rule of protectionRules)
      for (const [needed, keeper] of rule.needed(view)) kept.set(needed, keeper);
  }

  /** From now on nothing is deleted that a kept tag of the plan needs. */
  keepNeeded(repository: Repository, plan: RepositoryPlan): void {
    const kept = this.#needed.get(repository) ?? new Map<Tag | Digest, string>();
    this.#needed.set(repository, kept);
    for (const [needed, keeper] of neededDigests(plan)) kept.set(needed, keeper);
  }

  noteMoved(repository: Repository, tag: Tag, digest: Digest): void {
    this.#book.note(repository, tag, 'drifted', `stands for ${digest} now`);
  }

  /**
   * The tag stood for a manifest when the plan was made, and now for none: a registry that was ended in the middle of a
   * deletion leaves it so. Only if the planned manifest really is gone is the tag taken away as well.
   */
  async #removeDangling(
    { repository, digest }: Pick<Deletion, 'repository' | 'digest'>,
    tag: Tag,
  ): Promise<void> {
    const { registry } = this.#context;
    if (!(await this.#isThere(repository, digest))) {
      await registry.removeDanglingTag(repository, tag);
      this.#book.note(repository, tag, 'deleted', 'the registry had deleted its manifest only');
    } else this.#book.note(repository, tag, 'drifted', 'the registry has no manifest for it any more');
  }

  async #isThere(repository: Repository, digest: Digest): Promise<boolean> {
    return (await this.#context.registry.resolve(repository, digest)).state !== 'gone';
  }

  async #lookInto(repository: Repository, tag: Tag, { digest, children }: Manifest): Promise<void> {
    // At once, before what may be an index has been gone through: others are being deleted meanwhile.
    this.keepMoved(repository, { tag, digest, indexes: { [digest]: children } });
    const indexes = await withNested(this.#context, repository, { [digest]: children });
    this.keepMoved(repository, { tag, digest, indexes });
  }
}
