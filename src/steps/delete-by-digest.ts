/** Deletes a manifest, once for all doomed tags on it, having looked at each of them again. */
import type { Tag } from '../domain/names.ts';
import type { Deletion } from '../domain/plan.ts';
import type { Children } from './children.ts';
import type { Context } from './context.ts';
import type { LastLook } from './last-look.ts';
import type { OutcomeBook } from './outcome-book.ts';
import { retrying } from './retry.ts';
import type { Saving } from './saving.ts';

/** What deleting is done with. */
export interface Deleting {
  readonly context: Context;
  readonly book: OutcomeBook;
  readonly look: LastLook;
  readonly saving: Saving;
  readonly children: Children;
  /** So many tags more are done. */
  readonly advance: (tags: number) => void;
  /** One tag more is untied. */
  readonly untied: () => void;
  readonly status: (text: string) => void;
}

/** Deletes by digest. Failures of the registry are noted; it rejects when going on makes no sense. */
export async function deleteByDigest(deleting: Deleting, deletion: Deletion): Promise<void> {
  const { context, book } = deleting;
  try {
    // Looking and deleting are tried again together: after a cut connection the tag may be gone, or have moved.
    await retrying(() => lookAndDelete(deleting, deletion), context);
    book.succeeded();
  } catch (error) {
    await book.failed(deletion.repository, deletion.tags, error);
  }
  deleting.advance(deletion.tags.length);
}

async function lookAndDelete(deleting: Deleting, deletion: Deletion): Promise<void> {
  const { context, book, look, saving, children } = deleting;
  const { repository, digest } = deletion;
  const still: Tag[] = [];
  const gone: Tag[] = [];
  for (const tag of deletion.tags) {
    if (context.outcomes.isSettled(repository, tag)) continue;
    const seen = await look.at(deletion, tag);
    if (seen === 'still') still.push(tag);
    if (seen === 'gone') gone.push(tag);
    if (seen === 'untied') book.note(repository, tag, 'drifted', 'another run has untied it');
  }
  if (still.length === 0) {
    // A start that was killed may have deleted the index, and not what it listed.
    if (gone.length > 0) await children.follow(repository, digest);
    for (const tag of gone) book.note(repository, tag, 'alreadyGone');
    return;
  }
  for (const tag of gone) book.note(repository, tag, 'alreadyGone');
  const keeper = look.keeperOf(repository, digest);
  if (keeper !== undefined) {
    for (const tag of still) book.note(repository, tag, 'drifted', `${keeper} needs its manifest now`);
    return;
  }
  const answer = await saving.deleteManifest(repository, digest);
  book.succeeded();
  await children.follow(repository, digest);
  for (const tag of still) book.note(repository, tag, answer === 'deleted' ? 'deleted' : 'alreadyGone');
}
