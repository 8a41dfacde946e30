/** What the review says of the space that deleting will free. */
import { type SpaceEstimate, tellEstimate } from '../domain/estimate.ts';
import { doomedTags } from '../domain/plan.ts';
import type { Context } from '../steps/context.ts';
import { estimateSpace } from '../steps/estimate.ts';
import { closeCache } from './manifest-cache.ts';
import type { World } from './world.ts';

/** `undefined` where it is not asked for, where there is nothing to free, and by a route that cannot tell. */
export async function estimate(world: World, context: Context): Promise<SpaceEstimate | undefined> {
  const { estimate: scope } = world.options;
  const { inventory } = context.registry;
  const hasWork = [...context.plans.values()].some((plan) => doomedTags(plan).length > 0);
  if (scope === 'none' || inventory === undefined || !hasWork) return undefined;
  const cache = await world.openManifestCache();
  let found: SpaceEstimate | undefined;
  try {
    await context.person.steps([
      {
        key: 'estimate',
        title: 'estimate space',
        skip: undefined,
        run: async (progress) => {
          found = await estimateSpace(context, { scope, inventory, cache }, progress);
          return tellEstimate(found);
        },
      },
    ]);
  } finally {
    await closeCache(world, cache);
  }
  const known = found;
  if (known) await context.run.update((record) => ({ ...record, estimate: known }));
  return known;
}
