/** The report that every run leaves that has a plan, however it ends. */
import { CleanerError, messageOf } from '../domain/errors.ts';
import { makeReport } from '../domain/report.ts';
import type { Tally, World } from './world.ts';

/**
 * Runs `work`, which puts everything back itself; then writes the report. That it cannot be written is told, and changes
 * nothing else: what `work` returns or rejects with stays the answer.
 */
export async function withReport<T>(world: World, tally: Tally, work: () => Promise<T>): Promise<T> {
  let ended: unknown;
  try {
    return await work();
  } catch (error) {
    ended = error;
    throw error;
  } finally {
    await leaveReport(world, tally, ended).catch((error: unknown) =>
      world.person.warn(`There is no new report of this run. ${explain(error)}`),
    );
  }
}

async function leaveReport({ clock, person, report }: World, tally: Tally, error: unknown): Promise<void> {
  const source = tally.source();
  if (source === undefined || source.plans.length === 0) return;
  const writtenAt = new Date(clock.now()).toISOString();
  tally.report = await report.write(tally.folder, makeReport(source, { error, writtenAt }));
  await report
    .copy(tally.report)
    .then((copy) => {
      tally.report = copy ?? tally.report;
    })
    .catch((failure: unknown) => person.warn(`The report was not copied. ${explain(failure)}`));
}

function explain(error: unknown): string {
  if (!(error instanceof CleanerError)) return `A defect of the program: ${messageOf(error)}`;
  return error.next === '' ? error.message : `${error.message} ${error.next}`;
}
