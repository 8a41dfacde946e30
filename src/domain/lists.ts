/**
 * The lists for review: for each repository the doomed tags, one a line. The reviewer may strike lines; a line that
 * the plan does not know is a fault.
 */
import { linesOf } from './lines.ts';
import type { Tag } from './names.ts';
import { doomedTags, type RepositoryPlan } from './plan.ts';

/** The list's text. */
export function writeList(plan: RepositoryPlan): string {
  return doomedTags(plan)
    .map((tag) => `${tag}\n`)
    .join('');
}

export interface ReviewedList {
  /** Doomed tags that are no longer in the list. */
  readonly struck: ReadonlySet<Tag>;
  /** Lines that are no doomed tag of the plan. */
  readonly foreign: readonly { readonly line: number; readonly text: string }[];
}

/** Holds the list as it was reviewed against the plan. Blanks around a tag, blank lines and order do not matter. */
export function readList(text: string, plan: RepositoryPlan): ReviewedList {
  const doomed = new Set<string>(doomedTags(plan));
  const listed = new Set<string>();
  const foreign: { line: number; text: string }[] = [];
  for (const { line, text: raw } of linesOf(text)) {
    const word = raw.trim();
    if (word === '') continue;
    if (doomed.has(word)) listed.add(word);
    else foreign.push({ line, text: word });
  }
  return { struck: new Set(doomedTags(plan).filter((tag) => !listed.has(tag))), foreign };
}
