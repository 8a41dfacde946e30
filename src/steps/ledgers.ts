/** The ledgers of a repository: what is untied there is noted in them, in the registry itself, until all is done. */
import type { Repository, Tag } from '../domain/names.ts';
import type { Deletion } from '../domain/plan.ts';
import { isMarker, type Ledger, markerTag, tagsPerLedger } from '../domain/untagging.ts';
import type { Untagging } from '../ports.ts';
import type { Deleting } from './delete-by-digest.ts';
import { ledgersOf, lookAtBroken, tagsOf } from './look.ts';
import { retrying } from './retry.ts';

/** What the rest cannot be done without: tried again, and if that does not help, told with whose doing it is. */
export async function insisting<T>(
  { context, book }: Pick<Deleting, 'context' | 'book'>,
  operation: () => Promise<T>,
): Promise<T> {
  return await retrying(operation, context).catch((error: unknown) => book.refused(error));
}

export class Ledgers {
  readonly #deleting: Deleting;
  readonly #repository: Repository;
  readonly #untagging: Untagging;

  constructor(deleting: Deleting, given: { repository: Repository; untagging: Untagging }) {
    this.#deleting = deleting;
    this.#repository = given.repository;
    this.#untagging = given.untagging;
  }

  /** Those that stand there; what is left of others is removed. */
  async find(): Promise<readonly Ledger[]> {
    const { context } = this.#deleting;
    const markers = ((await tagsOf(context, this.#repository)) ?? []).filter(isMarker);
    const found = await ledgersOf(context, this.#repository, markers);
    for (const marker of markers) if (!found.has(marker)) await this.#removeDead(marker);
    // A ledger that the journal knows of, but not the registry, was never written, or was removed.
    for (const marker of context.outcomes.ledgers(this.#repository))
      if (!found.has(marker)) this.#settle(marker);
    return [...found.values()];
  }

  /**
   * Notes what is about to be untied, as far as an earlier start of this run has not done so.
   *
   * @param found those that stand there
   * @returns all of this run
   */
  async write(deletions: readonly Deletion[], found: readonly Ledger[]): Promise<readonly Ledger[]> {
    const { context, book } = this.#deleting;
    const { run, settings, clock } = context;
    const earlier = found.filter((ledger) => ledger.run === run.record.id);
    const missing = deletions.flatMap(({ tags, digest }) =>
      tags
        .filter((tag) => earlier.every((ledger) => ledger.tags.get(tag) !== digest))
        .map((tag) => [tag, digest] as const),
    );
    const taken = new Set(earlier.map(({ marker }) => marker));
    const size = tagsPerLedger(missing.length);
    const written: Ledger[] = [];
    for (let at = 0, number = 1; at < missing.length; number += 1) {
      const marker = markerTag(run.record.id, number);
      if (taken.has(marker)) continue;
      const tags = new Map(missing.slice(at, at + size));
      const since = new Date(clock.now()).toISOString();
      const ledger = { marker, run: run.record.id, by: settings.operator, since, tags };
      // On disk before it is in the registry, so that a start after a crash looks for it.
      book.note(this.#repository, marker, 'failed', 'the ledger of untied tags is still there');
      await run.journal.flush();
      await insisting(this.#deleting, () => this.#untagging.writeLedger(this.#repository, ledger));
      written.push(ledger);
      at += size;
    }
    return [...earlier, ...written];
  }

  /** When all is done that they tell of. */
  async remove(ledgers: readonly Ledger[]): Promise<void> {
    for (const ledger of ledgers) {
      let tries = 0;
      await insisting(this.#deleting, async () => {
        tries += 1;
        await this.#untagging.removeLedger(this.#repository, ledger);
      });
      if (tries > 1) await this.#removeDead(ledger.marker);
      else this.#settle(ledger.marker);
    }
  }

  /** A registry that was ended in the middle of writing, or deleting, a ledger leaves its marker without a manifest. */
  async #removeDead(marker: Tag): Promise<void> {
    const { context } = this.#deleting;
    const { state } = await lookAtBroken(context, this.#repository, marker);
    if (state === 'dangling' || state === 'broken')
      await insisting(this.#deleting, () => context.registry.removeDanglingTag(this.#repository, marker));
    this.#settle(marker);
  }

  #settle(marker: Tag): void {
    const { context, book } = this.#deleting;
    if (!context.outcomes.isSettled(this.#repository, marker))
      book.note(this.#repository, marker, 'deleted', 'the ledger');
  }
}
