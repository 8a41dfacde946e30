/**
 * Deletes what the plan says, having looked at each tag again: one that moved since the plan was made is left alone, and
 * so is what it stands for now.
 */
import type { Repository } from '../domain/names.ts';
import type { Deletion, RepositoryContent, RepositoryPlan } from '../domain/plan.ts';
import { divide } from '../domain/strategy.ts';
import type { Progress } from '../ports.ts';
import { Children } from './children.ts';
import { concurrently } from './concurrently.ts';
import type { Context, Step } from './context.ts';
import { type Deleting, deleteByDigest } from './delete-by-digest.ts';
import { deleteUntied } from './delete-untied.ts';
import { FRESH_FOR_MS, inFreshRounds } from './fresh-rounds.ts';
import { guarded } from './guarded-registry.ts';
import { LastLook } from './last-look.ts';
import { finishList } from './move-done.ts';
import { hasOpenWork, openDeletions, openLedgers } from './open-work.ts';
import { OutcomeBook } from './outcome-book.ts';
import { refreshPlan } from './refresh.ts';
import { isBroken } from './retry.ts';
import { Saving } from './saving.ts';

/**
 * Deletions under way for each operation at a time: what waits lets the registry adapter look at several tags at once.
 * More would let more time pass between looking at a tag and deleting it.
 */
const IN_FLIGHT = 2;

export const deleteTags: Step = {
  key: 'delete',

  async run(context, progress) {
    const deletion = new Deletions(context, progress);
    const { plannedAtMs, clock } = context;
    // Since the plan was made somebody has thought about it, and the registry has restarted.
    context.imagesInUse.lookAgain();
    await context.run.saved.prepare();
    if (plannedAtMs === undefined || clock.now() - plannedAtMs > FRESH_FOR_MS) await deletion.refresh();
    try {
      await deletion.run();
    } finally {
      tellLedgers(context);
      await context.run.journal.flush();
    }
    return undefined;
  },
};

/** What was begun by untying and is not finished stays in the registry, where people will see it. */
function tellLedgers({ plans, outcomes, person }: Context): void {
  const left = [...plans.values()].filter((plan) => plan.unties && openLedgers(outcomes, plan).length > 0);
  if (left.length === 0) return;
  const where = left.map(({ ref }) => ref.repository).join(', ');
  person.warn(
    `Tags of ${where} are untied, and their manifests not yet deleted; tags registry-cleaner-… there say which. --resume finishes it, and so does the next run.`,
  );
}

/** What is to be done in one repository. */
interface RepositoryWork {
  readonly plan: RepositoryPlan;
  readonly untie: readonly Deletion[];
  readonly direct: readonly Deletion[];
  /** An earlier run, or start, has left something to be finished. */
  readonly hasLedgers: boolean;
}

class Deletions {
  readonly #context: Context;
  readonly #progress: Progress;
  readonly #deleting: Deleting;
  /** When this process last began to look at everything that is still to be done. */
  #lookedAtMs: number;
  /** Why tags could not be untied, where everything else can be deleted all the same. */
  #unwritable: unknown;
  #done = 0;
  #total = 0;
  #untied = 0;
  #toUntie = 0;

  constructor(given: Context, progress: Progress) {
    const book = new OutcomeBook(given);
    const { saved } = given.run;
    const context = { ...given, registry: guarded(given.registry, () => book.requireReady(), saved) };
    this.#context = context;
    this.#progress = progress;
    this.#lookedAtMs = context.plannedAtMs ?? 0;
    const saving = new Saving(context);
    const look = new LastLook(context, { book, saving });
    this.#deleting = {
      context,
      book,
      look,
      saving,
      children: new Children(context, { look, saving }),
      advance: (tags) => this.#advance(tags),
      untied: () => {
        this.#untied += 1;
        progress.update({ done: this.#untied, total: this.#toUntie, text: 'tags untied' });
      },
      status: (text) => progress.status(text),
    };
  }

  /** Holds a plan that was made a while ago, or by an earlier start, against the registry as it is now. */
  async refresh(): Promise<void> {
    const { plans, outcomes } = this.#context;
    const { look } = this.#deleting;
    this.#lookedAtMs = this.#context.clock.now();
    for (const plan of plans.values()) {
      const { repository } = plan.ref;
      if (!hasOpenWork(outcomes, plan)) continue;
      let looked = 0;
      const { revised, indexes, moved, live } = await refreshPlan(this.#context, plan, {
        onLooked: () => {
          looked += 1;
          this.#progress.status(
            `looking at the registry again: ${looked} of ${plan.tags.length} tags of ${repository}`,
          );
        },
      });
      plans.set(repository, revised);
      if (live !== undefined) this.#settleUnwritten(repository, live);
      look.keepNeeded(repository, revised);
      for (const [tag, digest] of moved) {
        look.keepMoved(repository, { tag, digest, indexes });
        if (!outcomes.isSettled(repository, tag)) look.noteMoved(repository, tag, digest);
      }
    }
  }

  /** Nothing was untied under a ledger that was never written, for which the registry may have had no room. */
  #settleUnwritten(repository: Repository, { tags, ledgers = [] }: RepositoryContent): void {
    const { outcomes } = this.#context;
    const standing = new Set([...ledgers, ...tags.keys()]);
    for (const marker of outcomes.ledgers(repository))
      if (!standing.has(marker) && !outcomes.isSettled(repository, marker))
        this.#deleting.book.note(repository, marker, 'deleted', 'the ledger is not there');
  }

  async run(): Promise<void> {
    const plans = [...this.#context.plans.values()];
    for (const plan of plans) this.#deleting.children.expect(plan);
    const work = plans.map((plan) => this.#workOf(plan));
    this.#total = work.reduce((sum, { untie, direct }) => sum + countTags(untie) + countTags(direct), 0);
    this.#toUntie = work.reduce((sum, { untie }) => sum + countTags(untie), 0);
    for (const scheme of ['new', 'legacy'] as const)
      await this.#carryOut(work.filter(({ plan }) => plan.ref.scheme === scheme));
    if (this.#unwritable !== undefined) throw this.#unwritable;
  }

  #workOf(plan: RepositoryPlan): RepositoryWork {
    const { outcomes, settings } = this.#context;
    const hasLedgers = plan.unties && openLedgers(outcomes, plan).length > 0;
    // What was begun by untying is finished that way.
    const strategy = hasLedgers ? 'untag-first' : settings.strategy;
    return { plan, hasLedgers, ...divide(plan, openDeletions(outcomes, plan), strategy) };
  }

  async #carryOut(work: readonly RepositoryWork[]): Promise<void> {
    const { registry, settings, signal, clock } = this.#context;
    const { untagging } = registry;
    const untying = work.filter(({ untie, hasLedgers }) => untie.length > 0 || hasLedgers);
    // As many repositories as operations: small ones, of which there may be hundreds, do not wait for one another.
    await concurrently(untying, settings.concurrency, async ({ plan, untie }) => {
      if (untagging === undefined) throw new Error(`${plan.ref.repository}: this route cannot untie tags`);
      await deleteUntied(this.#deleting, { plan, deletions: untie, untagging });
    }).catch((error: unknown) => {
      // A registry without room takes no ledger. Deleting manifests needs none, and is what makes some.
      if (!isBroken(error)) throw error;
      this.#unwritable = error;
    });
    const left = new Map(work.map(({ plan, direct }) => [plan, direct.length]));
    for (const [plan, deletions] of left) if (deletions === 0) await this.#finish(plan);
    const direct = work.flatMap(({ plan, direct }) => direct.map((deletion) => ({ plan, deletion })));
    await inFreshRounds(direct, {
      clock,
      limit: settings.concurrency * IN_FLIGHT,
      lookedAtMs: this.#lookedAtMs,
      refresh: () => this.refresh(),
      operation: async ({ plan, deletion }) => {
        signal.throwIfAborted();
        await deleteByDigest(this.#deleting, deletion);
        left.set(plan, (left.get(plan) ?? 0) - 1);
        if (left.get(plan) === 0) await this.#finish(plan);
      },
    });
  }

  /** The list of a repository from which nothing more is to be deleted moves at once. */
  async #finish(plan: RepositoryPlan): Promise<void> {
    if (countTags(openDeletions(this.#context.outcomes, plan)) > 0) return;
    await this.#context.run.journal.flush();
    await finishList(this.#context, plan);
  }

  #advance(tags: number): void {
    this.#done += tags;
    this.#progress.update({ done: this.#done, total: this.#total, text: 'tags' });
  }
}

function countTags(deletions: readonly Deletion[]): number {
  return deletions.reduce((sum, { tags }) => sum + tags.length, 0);
}
