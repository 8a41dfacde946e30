/** The time that a command is given, and what is known of how it will be spent. */
import { type Binding, lastRestarts, type RestartTimes } from '../domain/run.ts';
import { WindowKeeper } from '../steps/window.ts';
import type { World } from './world.ts';

/** So many earlier runs are asked how long the registry took to restart. */
const REMEMBERED_RUNS = 10;

/** From here on the work ends in time; `undefined` where it may take as long as it likes. */
export function openWindow({ options, startedAtMs, alarm, clock }: World): WindowKeeper | undefined {
  if (options.stopAfter === undefined) return undefined;
  return new WindowKeeper({ ...options.stopAfter, startedAtMs }, { alarm, clock });
}

/** How long this registry took to restart when runs of this machine last did so. */
export async function rememberedRestarts({ archive }: World, binding: Binding): Promise<RestartTimes> {
  const runs = await archive.recent(REMEMBERED_RUNS);
  return lastRestarts(
    runs.map(({ record }) => record),
    binding,
  );
}
