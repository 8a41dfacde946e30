/** `history`: the runs of the state folder, or what one of them has done. Asks no cluster, and takes no lock. */
import { UsageError } from '../domain/errors.ts';
import { Auditor, pastRun, tellLine, tellRuns } from '../domain/history.ts';
import { isResumable } from '../domain/run.ts';
import type { RunGlimpse } from '../ports.ts';
import type { World } from './world.ts';

/**
 * @param run the ID of the run whose audit trail is to be told; `undefined`: all runs are listed, the newest first
 * @throws UsageError when there is no such run
 */
export async function history(world: World, run: string | undefined): Promise<void> {
  if (run === undefined) await listRuns(world);
  else await tellTrail(world, run);
}

async function listRuns({ archive, person, options }: World): Promise<void> {
  const process = await archive.holder();
  const glimpses = await archive.recent(Number.POSITIVE_INFINITY);
  // Whoever holds the folder is at work on the newest run that can be gone on with, if on any.
  const open = process === undefined ? undefined : glimpses.find(({ record }) => isResumable(record));
  const runs = [];
  for (const glimpse of glimpses) {
    const past = await describe(glimpse);
    runs.push(glimpse === open && !past.ended && process !== undefined ? { ...past, process } : past);
  }
  if (options.output === 'text') person.say(tellRuns(runs));
  for (const past of runs) person.event({ event: 'run', ...past });
}

/** A run that has come to its end says itself what it has come to: the plans of all runs may be large. */
async function describe(glimpse: RunGlimpse) {
  const { record } = glimpse;
  return pastRun(record, record.figures === undefined ? await glimpse.read() : undefined);
}

async function tellTrail({ archive, person, options }: World, run: string): Promise<void> {
  const glimpse = await archive.find(run);
  // The word is not repeated: it may be the password, given to the wrong command.
  if (glimpse === undefined)
    throw new UsageError('The state folder has no run of that ID.', {
      next: 'See which runs there are: npm run clean -- history (another folder: --state-dir)',
    });
  const auditor = new Auditor(glimpse.record);
  for await (const lines of glimpse.trail())
    for (const line of lines) {
      const audited = auditor.audit(line);
      if (options.output === 'text') person.say(tellLine(audited));
      person.event({ event: 'tag', ...audited });
    }
}
