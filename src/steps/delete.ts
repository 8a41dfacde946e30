/**
 * Deletes what the plan says, by digest, once for all doomed tags on it, having looked at each tag again: one that
 * moved since the plan was made is left alone, and so is what it stands for now.
 */
import { readSetting, registryContainer } from '../domain/deletion-setting.ts';
import { RegistryError, type RegistryFailure, UnreachableError } from '../domain/errors.ts';
import type { Digest, Tag } from '../domain/names.ts';
import type { Outcome } from '../domain/outcome.ts';
import { type Deletion, deletionsOf, doomedTags, type RepositoryPlan } from '../domain/plan.ts';
import type { Progress } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import type { Context, Step } from './context.ts';
import { withNested } from './look.ts';
import { finishList } from './move-done.ts';
import { refreshPlan } from './refresh.ts';
import { retrying } from './retry.ts';

/** After so many refusals of one kind in a row the rest would be refused as well. */
const REFUSALS_IN_A_ROW = 3;

export const deleteTags: Step = {
  key: 'delete',

  async run(context, progress) {
    if (!context.planIsFresh) await refreshAll(context, progress);
    await new Deleting(context, progress).run();
    return undefined;
  },
};

/** A plan that was made a while ago, or by an earlier start, is held against the registry as it is now. */
async function refreshAll(context: Context, progress: Progress): Promise<void> {
  progress.status('looking at the registry again, since the plan was made a while ago');
  for (const plan of context.plans.values())
    if (doomedTags(plan).some((tag) => !context.outcomes.isSettled(plan.ref.repository, tag)))
      context.plans.set(plan.ref.repository, await refreshPlan(context, plan));
  context.planIsFresh = true;
}

class Deleting {
  readonly #context: Context;
  readonly #progress: Progress;
  readonly #refusals = new Map<RegistryFailure, number>();
  /** What tags that moved stand for now, by repository: it must not be deleted although the plan says so. */
  readonly #moved = new Map<string, Map<Digest, Tag>>();
  #done = 0;
  #total = 0;

  constructor(context: Context, progress: Progress) {
    this.#context = context;
    this.#progress = progress;
  }

  async run(): Promise<void> {
    const { plans, run, settings, signal } = this.#context;
    const work = [...plans.values()].flatMap((plan) =>
      this.#open(plan).map((deletion) => ({ plan, deletion })),
    );
    this.#total = work.reduce((sum, { deletion }) => sum + deletion.tags.length, 0);
    try {
      await concurrently(work, settings.concurrency * 2, async ({ plan, deletion }) => {
        signal.throwIfAborted();
        await this.#delete(deletion);
        this.#done += deletion.tags.length;
        this.#progress.update({ done: this.#done, total: this.#total, text: 'tags' });
        if (await finishList(this.#context, plan)) await run.journal.flush();
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
      case 'unreadable':
        this.#note({ repository }, tag, 'drifted', `its manifest cannot be read: ${resolution.reason}`);
        return false;
      case 'found':
        if (resolution.manifest.digest === digest) return true;
        await this.#keepMoved(repository, tag, resolution.manifest);
        this.#note({ repository }, tag, 'drifted', `stands for ${resolution.manifest.digest} now`);
        return false;
    }
  }

  async #keepMoved(
    repository: Deletion['repository'],
    tag: Tag,
    manifest: { digest: Digest; children: readonly Digest[] },
  ): Promise<void> {
    const moved = this.#moved.get(repository) ?? new Map<Digest, Tag>();
    this.#moved.set(repository, moved);
    moved.set(manifest.digest, tag);
    const nested = await withNested(this.#context, repository, { [manifest.digest]: manifest.children });
    for (const children of Object.values(nested)) for (const child of children) moved.set(child, tag);
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
    this.#context.run.journal.append(entry);
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
    const container = registryContainer(current, {
      name: settings.registryContainer,
      port: settings.registryPort,
    });
    if (readSetting(current, container).enabled) return;
    throw new UnreachableError(
      'The registry refuses deletions: its deletion setting was changed back while this run needed it (a controller, a GitOps tool?).',
      { next: 'Pause what manages the workload, then continue with --resume.' },
    );
  }
}
