/**
 * Deletes what the plan says, by digest, once for all doomed tags on it, having looked at each tag again: one that
 * moved since the plan was made is left alone, and so is what it stands for now.
 */

import { readSetting } from '../domain/deletion-setting.ts';
import { RegistryError, type RegistryFailure, UnreachableError } from '../domain/errors.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { Outcome } from '../domain/outcome.ts';
import { type Deletion, deletionsOf, type RepositoryPlan } from '../domain/plan.ts';
import type { Indexes } from '../domain/planned-tag.ts';
import { protectionRules } from '../domain/protection.ts';
import { registryContainer } from '../domain/registry-container.ts';
import type { Manifest, Progress } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import type { Context, Step } from './context.ts';
import { withNested } from './look.ts';
import { finishList } from './move-done.ts';
import { refreshPlan } from './refresh.ts';
import { retrying } from './retry.ts';

/** A plan that is older than this is held against the registry again before it is carried out. */
const FRESH_FOR_MS = 5 * 60_000;
/**
 * Deletions under way for each operation at a time: what waits lets the registry adapter look at several tags at once.
 * More would let more time pass between looking at a tag and deleting it.
 */
const IN_FLIGHT = 2;
/** After so many refusals of one kind in a row the rest would be refused as well. */
const REFUSALS_IN_A_ROW = 3;

export const deleteTags: Step = {
  key: 'delete',

  async run(context, progress) {
    const deleting = new Deleting(context, progress);
    const { plannedAtMs, clock } = context;
    if (plannedAtMs === undefined || clock.now() - plannedAtMs > FRESH_FOR_MS) await deleting.refresh();
    await deleting.run();
    return undefined;
  },
};

/** A doomed tag that no longer stands for the planned manifest. */
interface Moved {
  readonly tag: Tag;
  /** What it stands for now. */
  readonly digest: Digest;
  readonly indexes: Indexes;
}

class Deleting {
  readonly #context: Context;
  readonly #progress: Progress;
  readonly #refusals = new Map<RegistryFailure, number>();
  /** What doomed tags that moved need now, by repository: it must not be deleted although the plan says so. */
  readonly #moved = new Map<string, Map<Digest, Tag>>();
  /** Why the journal cannot be written any more. */
  #unwritable: unknown;
  #done = 0;
  #total = 0;

  constructor(context: Context, progress: Progress) {
    this.#context = context;
    this.#progress = progress;
  }

  /** Holds a plan that was made a while ago, or by an earlier start, against the registry as it is now. */
  async refresh(): Promise<void> {
    const { plans } = this.#context;
    this.#progress.status('looking at the registry again, since the plan was made a while ago');
    for (const plan of plans.values()) {
      const { repository } = plan.ref;
      if (this.#open(plan).length === 0) continue;
      const { revised, indexes, moved } = await refreshPlan(this.#context, plan);
      plans.set(repository, revised);
      for (const [tag, digest] of moved) {
        this.#keepMoved(repository, { tag, digest, indexes });
        if (!this.#context.outcomes.isSettled(repository, tag)) this.#noteMoved(repository, tag, digest);
      }
    }
  }

  async run(): Promise<void> {
    const { plans, run, settings, signal } = this.#context;
    const left = new Map<RepositoryPlan, number>();
    const work = [...plans.values()].flatMap((plan) => {
      const deletions = this.#open(plan);
      left.set(plan, deletions.length);
      return deletions.map((deletion) => ({ plan, deletion }));
    });
    this.#total = work.reduce((sum, { deletion }) => sum + deletion.tags.length, 0);
    try {
      await concurrently(work, settings.concurrency * IN_FLIGHT, async ({ plan, deletion }) => {
        signal.throwIfAborted();
        await this.#delete(deletion);
        this.#done += deletion.tags.length;
        this.#progress.update({ done: this.#done, total: this.#total, text: 'tags' });
        left.set(plan, (left.get(plan) ?? 0) - 1);
        if (left.get(plan) !== 0) return;
        await run.journal.flush();
        await finishList(this.#context, plan);
      });
    } finally {
      await run.journal.flush();
    }
  }

  /** The deletions of a repository that are still to be done, with the tags that have no outcome yet. */
  #open(plan: RepositoryPlan): Deletion[] {
    const { outcomes } = this.#context;
    return deletionsOf(plan)
      .map((deletion) => ({
        ...deletion,
        tags: deletion.tags.filter((tag) => !outcomes.isSettled(deletion.repository, tag)),
      }))
      .filter((deletion) => deletion.tags.length > 0);
  }

  async #delete(deletion: Deletion): Promise<void> {
    try {
      // Looking and deleting are tried again together: after a cut connection the tag may be gone, or have moved.
      await retrying(() => this.#lookAndDelete(deletion), this.#context);
      this.#refusals.clear();
    } catch (error) {
      this.#context.signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      for (const tag of deletion.tags)
        if (!this.#context.outcomes.isSettled(deletion.repository, tag))
          this.#note(deletion, tag, 'failed', error.message);
      await this.#countRefusal(error);
    }
  }

  async #lookAndDelete(deletion: Deletion): Promise<void> {
    const still: Tag[] = [];
    for (const tag of deletion.tags) {
      if (this.#context.outcomes.isSettled(deletion.repository, tag)) continue;
      if (await this.#isStill(deletion, tag)) still.push(tag);
    }
    if (still.length === 0) return;
    const keeper = this.#moved.get(deletion.repository)?.get(deletion.digest);
    if (keeper !== undefined) {
      for (const tag of still)
        this.#note(deletion, tag, 'drifted', `${keeper} has moved and needs its manifest`);
      return;
    }
    // What has no place to be written down must not be done.
    if (this.#unwritable !== undefined) throw this.#unwritable;
    const answer = await this.#context.registry.deleteManifest(deletion.repository, deletion.digest);
    for (const tag of still) this.#note(deletion, tag, answer === 'deleted' ? 'deleted' : 'alreadyGone');
  }

  /** Looks at a tag: does it still stand for the planned manifest? If not, its outcome is noted. */
  async #isStill({ repository, digest }: Deletion, tag: Tag): Promise<boolean> {
    const resolution = await this.#context.registry.resolve(repository, tag);
    switch (resolution.state) {
      case 'gone':
        this.#note({ repository }, tag, 'alreadyGone');
        return false;
      case 'dangling':
        await this.#removeDangling({ repository, digest }, tag);
        return false;
      case 'unreadable':
        this.#note({ repository }, tag, 'drifted', `its manifest cannot be read: ${resolution.reason}`);
        return false;
      case 'found':
        if (resolution.manifest.digest === digest) return true;
        await this.#lookInto(repository, tag, resolution.manifest);
        this.#noteMoved(repository, tag, resolution.manifest.digest);
        return false;
    }
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
    if ((await registry.resolve(repository, digest)).state === 'gone') {
      await registry.removeDanglingTag(repository, tag);
      this.#note({ repository }, tag, 'deleted', 'the registry had deleted its manifest only');
    } else this.#note({ repository }, tag, 'drifted', 'the registry has no manifest for it any more');
  }

  async #lookInto(repository: Repository, tag: Tag, { digest, children }: Manifest): Promise<void> {
    // At once, before what may be an index has been gone through: others are being deleted meanwhile.
    this.#keepMoved(repository, { tag, digest, indexes: { [digest]: children } });
    const indexes = await withNested(this.#context, repository, { [digest]: children });
    this.#keepMoved(repository, { tag, digest, indexes });
  }

  #keepMoved(repository: Repository, { tag, digest, indexes }: Moved): void {
    const kept = this.#moved.get(repository) ?? new Map<Digest, Tag>();
    this.#moved.set(repository, kept);
    const view = { kept: new Map([[digest, tag]]), indexes };
    for (const rule of protectionRules)
      for (const [needed, keeper] of rule.needed(view)) kept.set(needed, keeper);
  }

  #noteMoved(repository: Repository, tag: Tag, digest: Digest): void {
    this.#note({ repository }, tag, 'drifted', `stands for ${digest} now`);
  }

  #note({ repository }: Pick<Deletion, 'repository'>, tag: Tag, outcome: Outcome, reason?: string): void {
    const entry = {
      at: new Date(this.#context.clock.now()).toISOString(),
      repository,
      tag,
      outcome,
      ...(reason === undefined ? {} : { reason }),
    };
    this.#context.outcomes.record(entry);
    try {
      this.#context.run.journal.append(entry);
    } catch (error) {
      this.#unwritable = error;
      throw error;
    }
  }

  async #countRefusal(error: RegistryError): Promise<void> {
    if (error.failure === 'other') return;
    const inARow = (this.#refusals.get(error.failure) ?? 0) + 1;
    this.#refusals.set(error.failure, inARow);
    if (inARow < REFUSALS_IN_A_ROW) return;
    if (error.failure === 'unsupported') await this.#blameController();
    throw new UnreachableError(
      error.failure === 'temporary'
        ? `The registry has not answered for a while: ${error.message}`
        : `The registry refuses every deletion: ${error.message}`,
      { next: error.next || 'Find out why, then continue with --resume.', cause: error },
    );
  }

  /** Deletion is refused as disabled: if the setting has gone, say that somebody else took it away. */
  async #blameController(): Promise<void> {
    const { workload, settings, signal } = this.#context;
    const current = await workload.read(signal);
    const container = registryContainer(current, settings.container);
    if (readSetting(current, container).enabled) return;
    throw new UnreachableError(
      'The registry refuses deletions: its deletion setting was changed back while this run needed it (a controller, a GitOps tool?).',
      { next: 'Pause what manages the workload, then continue with --resume.' },
    );
  }
}
