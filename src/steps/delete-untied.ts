/**
 * Deletes from one repository by untying first: the doomed tags are taken off their manifests, then the manifests are
 * deleted that no remaining tag or index needs. What is begun is noted in the registry, in ledgers; those that an
 * earlier run has left are worked off as well, and what such a run has untied but this one keeps is put back.
 */
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { Deletion, RepositoryPlan } from '../domain/plan.ts';
import { type Ledger, SWEEPS_AT_A_TIME } from '../domain/untagging.ts';
import type { Resolution, Untagging } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import type { Deleting } from './delete-by-digest.ts';
import { inFreshRounds } from './fresh-rounds.ts';
import { insisting, Ledgers } from './ledgers.ts';
import { lookAt, lookAtBroken } from './look.ts';
import { refreshPlan } from './refresh.ts';
import { isBroken, retrying } from './retry.ts';

/** How many tags are untied at a time for each operation at a time; see the same figure in `delete.ts`. */
const IN_FLIGHT = 2;

/** What a doomed tag was seen to be when it was untied. */
type Untied = 'untied' | 'gone';

/** Deletes `deletions` of a plan. Failures of the registry are noted; it rejects when going on makes no sense. */
export async function deleteUntied(
  deleting: Deleting,
  given: { plan: RepositoryPlan; deletions: readonly Deletion[]; untagging: Untagging },
): Promise<void> {
  await new UntyingRepository(deleting, given).run();
}

class UntyingRepository {
  readonly #deleting: Deleting;
  readonly #plan: RepositoryPlan;
  readonly #repository: Repository;
  readonly #deletions: readonly Deletion[];
  readonly #untagging: Untagging;
  readonly #ledgers: Ledgers;
  readonly #untied = new Map<Tag, Untied>();
  /**
   * Tags that the registry still lists, without a manifest. Docker Distribution 2.8 on an object store cannot remove a
   * tag beside one whose name begins with it, such as `7` beside `7-debug` (distribution issue 3142).
   */
  #undead: ReadonlySet<Tag> = new Set();
  /** Tags that somebody has pushed after they were untied, be it with the very same manifest. */
  readonly #pushedAgain = new Set<Tag>();
  /** Something of what the ledgers say is still to be done: they have to stay. */
  #isIncomplete = false;

  constructor(
    deleting: Deleting,
    given: { plan: RepositoryPlan; deletions: readonly Deletion[]; untagging: Untagging },
  ) {
    this.#deleting = deleting;
    this.#plan = given.plan;
    this.#repository = given.plan.ref.repository;
    this.#deletions = given.deletions;
    this.#untagging = given.untagging;
    this.#ledgers = new Ledgers(deleting, { repository: this.#repository, untagging: given.untagging });
  }

  async run(): Promise<void> {
    const found = await this.#ledgers.find();
    const own = await this.#ledgers.write(this.#deletions, found);
    await this.#putBack();
    await this.#untieAll(own, found);
    const ledgers = [...new Map([...found, ...own].map((ledger) => [ledger.marker, ledger])).values()];
    await this.#sweep(ledgers);
    await this.#deleteManifests(ledgers);
    if (!this.#isIncomplete) await this.#ledgers.remove(ledgers);
  }

  /** What an unfinished run has untied and this plan keeps goes back to where it was. */
  async #putBack(): Promise<void> {
    const { context } = this.#deleting;
    const kept = this.#plan.tags.filter(({ fate, untiedBy }) => fate !== 'delete' && untiedBy !== undefined);
    await concurrently(kept, context.settings.concurrency, async ({ tag, digest }) => {
      const { state } = await lookAtBroken(context, this.#repository, tag);
      // Swept already, or half-way, or still on the throw-away manifest; anything else has been pushed since.
      if (!isTakenOff(state)) return;
      const put =
        digest === undefined
          ? 'gone'
          : await this.#try(() => this.#untagging.retie(this.#repository, tag, digest));
      if (put === 'gone')
        context.person.warn(
          `${this.#repository}:${tag} was untied by an unfinished run and cannot be put back: its manifest is gone.`,
        );
    });
  }

  /** @param found the ledgers that were there before this start */
  async #untieAll(ledgers: readonly Ledger[], found: readonly Ledger[]): Promise<void> {
    const { context, untied } = this.#deleting;
    const before = new Set(found.flatMap(({ tags }) => [...tags.keys()]));
    const work = this.#deletions.flatMap((deletion) => deletion.tags.map((tag) => ({ deletion, tag })));
    const ledgerOf = new Map(
      ledgers.flatMap((ledger) => [...ledger.tags.keys()].map((tag) => [tag, ledger])),
    );
    await concurrently(work, context.settings.concurrency * IN_FLIGHT, async ({ deletion, tag }) => {
      context.signal.throwIfAborted();
      const ledger = ledgerOf.get(tag);
      if (ledger === undefined) throw new Error(`${tag} is in no ledger`);
      await this.#untie({ deletion, tag, ledger, wasUntied: before.has(tag) });
      untied();
    });
  }

  async #untie(given: {
    readonly deletion: Deletion;
    readonly tag: Tag;
    readonly ledger: Ledger;
    readonly wasUntied: boolean;
  }): Promise<void> {
    const { deletion, tag, ledger, wasUntied } = given;
    const { context, book, look, saving } = this.#deleting;
    const { repository, digest } = deletion;
    let isBegun = wasUntied;
    try {
      const untied = await retrying(async () => {
        const seen = await look.at(deletion, tag, { wasUntied });
        if (seen !== 'still') return seen;
        isBegun = true;
        await this.#untagging.untie(this.#repository, tag, ledger);
        return 'done';
      }, context).catch(async (error: unknown) => {
        // The registry was ended in the middle of it, and has left what it cannot read: once more mends that.
        if (!isBegun || !isBroken(error)) throw error;
        await retrying(() => this.#untagging.untie(this.#repository, tag, ledger), context);
        return 'untied';
      });
      if (untied !== 'settled') {
        // An earlier start, or another run, has untied it; this one deletes what it stood for.
        if (untied !== 'done') saving.note({ repository, tag, digest });
        this.#untied.set(tag, untied === 'gone' ? 'gone' : 'untied');
      }
      book.succeeded();
    } catch (error) {
      await book.failed(this.#repository, [tag], error);
    }
  }

  async #sweep(ledgers: readonly Ledger[]): Promise<void> {
    const { status, saving } = this.#deleting;
    status('removing the untied tags');
    await saving.settled();
    await concurrently(ledgers, SWEEPS_AT_A_TIME, (ledger) =>
      this.#try(() => this.#untagging.sweep(this.#repository, ledger)).catch(async (error: unknown) => {
        // A tag that the registry cannot read is in the way: then this look names it.
        if (isBroken(error)) await this.#lookAtWhatStays();
        throw error;
      }),
    );
  }

  async #deleteManifests(ledgers: readonly Ledger[]): Promise<void> {
    const { context, look, saving } = this.#deleting;
    const lookedAtMs = context.clock.now();
    await this.#lookAtWhatStays();
    if (await this.#removeHalfRemoved()) await this.#lookAtWhatStays();
    const rounds = {
      clock: context.clock,
      limit: context.settings.concurrency,
      lookedAtMs,
      refresh: () => this.#lookAtWhatStays(),
    };
    await inFreshRounds(this.#deletions, {
      ...rounds,
      operation: async (deletion) => {
        context.signal.throwIfAborted();
        await this.#putBackUsed(deletion);
        await this.#deleteManifest(deletion, look.keeperOf(this.#repository, deletion.digest));
        this.#deleting.advance(deletion.tags.length);
      },
    });
    await inFreshRounds(this.#leftByOthers(ledgers), {
      ...rounds,
      operation: async (digest) => {
        context.signal.throwIfAborted();
        const keeper =
          look.keeperOf(this.#repository, digest) ?? (await look.userOf(this.#repository, digest, []));
        if (keeper === undefined) await this.#try(() => saving.deleteManifest(this.#repository, digest));
      },
    });
  }

  /**
   * A registry that was ended while it removed the files of a tag lists the tag still. No sweep sees it, since it stands
   * for nothing: it goes one by one.
   *
   * @returns whether there were any
   */
  async #removeHalfRemoved(): Promise<boolean> {
    const { context } = this.#deleting;
    const halfRemoved = [...this.#undead].filter((tag) => this.#untied.has(tag));
    await concurrently(halfRemoved, context.settings.concurrency, async (tag) => {
      // Once more: somebody may have pushed it while the others were looked at.
      if ((await lookAt(context, this.#repository, tag)).state !== 'dangling') return;
      await this.#try(() => context.registry.removeDanglingTag(this.#repository, tag));
    });
    return halfRemoved.length > 0;
  }

  /** What a tag stands for that was pushed meanwhile, or that moved, is needed now. */
  async #lookAtWhatStays(): Promise<void> {
    const { context, look, status } = this.#deleting;
    status('looking at what stays');
    const { revised, live, moved, indexes } = await refreshPlan(context, this.#plan, {
      finished: new Set(this.#untied.keys()),
    });
    look.keepNeeded(this.#repository, revised);
    for (const [tag, digest] of moved) look.keepMoved(this.#repository, { tag, digest, indexes });
    for (const [tag, digest] of live?.tags ?? []) {
      if (!this.#untied.has(tag) || digest === undefined || live?.untied?.has(tag)) continue;
      look.keepMoved(this.#repository, { tag, digest, indexes });
      this.#pushedAgain.add(tag);
    }
    this.#undead = live?.dangling ?? new Set();
  }

  /** Something has begun to run an image whose tags have been untied: they go back, and the manifest stays. */
  async #putBackUsed({ digest, tags }: Deletion): Promise<void> {
    const { context, book, look } = this.#deleting;
    const user = await look.userOf(this.#repository, digest, tags);
    if (user === undefined) return;
    const { indexes } = this.#plan;
    for (const tag of tags.filter((each) => !context.outcomes.isSettled(this.#repository, each))) {
      const now = await lookAt(context, this.#repository, tag);
      if (!isTakenOff(now.state)) {
        // Pushed since it was untied: that is what is in use.
        this.#pushedAgain.add(tag);
        if (now.state === 'found')
          look.keepMoved(this.#repository, { tag, digest: now.manifest.digest, indexes });
        continue;
      }
      const put = await this.#try(() => this.#untagging.retie(this.#repository, tag, digest));
      if (put === 'gone') continue;
      look.keepMoved(this.#repository, { tag, digest, indexes });
      book.note(this.#repository, tag, 'drifted', `in use now (${user})`);
    }
  }

  async #deleteManifest(
    { digest, tags, manifestStays }: Deletion,
    keeper: string | undefined,
  ): Promise<void> {
    const { context, book, children, saving } = this.#deleting;
    const untied = tags.filter(
      (tag) => this.#untied.has(tag) && !context.outcomes.isSettled(this.#repository, tag),
    );
    // A tag that could not be untied still needs the manifest.
    const failed = tags.find(
      (tag) => context.outcomes.of(this.#repository, tag)?.outcome === 'failed' && !this.#untied.has(tag),
    );
    const stays = keeper ?? failed;
    try {
      const answer =
        stays === undefined
          ? await retrying(() => saving.deleteManifest(this.#repository, digest), context)
          : 'kept';
      book.succeeded();
      if (answer !== 'kept') await children.follow(this.#repository, digest);
      const reason =
        answer === 'kept' ? `its manifest stays: ${manifestStays ?? `${stays} needs it`}` : undefined;
      for (const tag of untied)
        if (this.#undead.has(tag))
          book.note(this.#repository, tag, 'failed', 'the registry still lists it, without a manifest');
        else if (this.#pushedAgain.has(tag))
          book.note(this.#repository, tag, 'drifted', 'pushed again since it was untied');
        else {
          const isGone = answer === 'gone' && this.#untied.get(tag) === 'gone';
          book.note(this.#repository, tag, isGone ? 'alreadyGone' : 'deleted', reason);
        }
    } catch (error) {
      this.#isIncomplete = true;
      await book.failed(this.#repository, untied, error, 'the tag is gone, but its manifest is not: ');
    }
  }

  /** Manifests that earlier runs, or starts, have untied their last tag from and have not come to delete. */
  #leftByOthers(ledgers: readonly Ledger[]): readonly Digest[] {
    const { outcomes } = this.#deleting.context;
    const ours = new Set(this.#deletions.map(({ digest }) => digest));
    const left = ledgers.flatMap(({ tags }) =>
      [...tags].filter(([tag, digest]) => !ours.has(digest) && !outcomes.isGone(this.#repository, tag)),
    );
    return [...new Set(left.map(([, digest]) => digest))];
  }

  /** What concerns the repository rather than one tag: without it the rest cannot be done. */
  #try<T>(operation: () => Promise<T>): Promise<T> {
    return insisting(this.#deleting, operation);
  }
}

/** Nothing that anybody has pushed: a run has taken the tag off what it stood for, or was about to. */
function isTakenOff(state: (Resolution | { readonly state: 'broken' })['state']): boolean {
  return state === 'untied' || state === 'gone' || state === 'dangling' || state === 'broken';
}
