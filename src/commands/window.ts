import { WindowKeeper } from '../steps/window.ts';
import type { World } from './world.ts';

/** From here on the work ends in time; `undefined` where it may take as long as it likes. */
export function openWindow({ options, startedAtMs, alarm, clock }: World): WindowKeeper | undefined {
  if (options.stopAfter === undefined) return undefined;
  return new WindowKeeper({ ...options.stopAfter, startedAtMs }, { alarm, clock });
}
