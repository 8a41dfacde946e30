/** Something happens to a run in the midst of deleting. */
import { type Change, changes } from './access-log.ts';
import type { Ended } from './command.ts';
import { midDelete, midManifests } from './interrupt.ts';
import type { Site } from './site.ts';

export const CONCURRENCY = 4;
export const DELETING = ['--delete', '--yes', '--concurrency', String(CONCURRENCY)];

/** A deleting run that is hit in the midst of deleting; where it unties tags first, in the midst of that as well. */
export async function hitInMidDelete(given: {
  readonly site: Site;
  readonly hit: () => Promise<void>;
  readonly args?: readonly string[];
}): Promise<Ended & { readonly requests: readonly Change[] }> {
  const { site, hit, args = [] } = given;
  await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 30 });
  const before = (await changes(site.sandbox.registryLog)).length;
  const command = site.start([...DELETING, ...args]);
  await midDelete(site, command);
  await hit();
  if (args.includes('untag-first')) {
    await midManifests(site, command);
    await hit();
  }
  const ended = await command.ended;
  return { ...ended, requests: (await changes(site.sandbox.registryLog)).slice(before) };
}
