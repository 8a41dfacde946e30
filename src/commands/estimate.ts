/** What the review says of the space that deleting will free. */
import { type SpaceEstimate, tellEstimate } from '../domain/estimate.ts';
import { doomedTags } from '../domain/plan.ts';
import type { ManifestCache } from '../ports.ts';
import type { Context } from '../steps/context.ts';
import { estimateSpace } from '../steps/estimate.ts';
import type { World } from './world.ts';

/** What is known of the registry's manifests while a plan is made; `undefined` where nothing is to be estimated. */
export async function openEstimate(
  world: World,
  { registry, run }: Context,
): Promise<ManifestCache | undefined> {
  const { binding } = run.record;
  const isWanted = world.options.estimate !== 'none' && registry.inventory !== undefined;
  return isWanted && binding !== undefined ? await world.openManifestCache(binding) : undefined;
}

/** `undefined` where it is not asked for, where there is nothing to free, and by a route that cannot tell. */
export async function estimate(
  world: World,
  context: Context,
  cache: ManifestCache | undefined,
): Promise<SpaceEstimate | undefined> {
  const { estimate: scope } = world.options;
  const { inventory } = context.registry;
  const hasWork = [...context.plans.values()].some((plan) => doomedTags(plan).length > 0);
  if (scope === 'none' || inventory === undefined || cache === undefined || !hasWork) return undefined;
  let found: SpaceEstimate | undefined;
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
  const known = found;
  if (known) await context.run.update((record) => ({ ...record, estimate: known }));
  return known;
}
