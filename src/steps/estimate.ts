/** Finds out what carrying the plan out will free. Changes nothing. */
import { freedBytes, type SpaceEstimate } from '../domain/estimate.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import { doomedTags, type RepositoryPlan } from '../domain/plan.ts';
import type { FoundRepository } from '../domain/scan.ts';
import { TagGraph } from '../domain/tag-graph.ts';
import type { Inventory, ManifestCache, Progress } from '../ports.ts';
import type { Context } from './context.ts';
import { retrying } from './retry.ts';
import { Stock } from './stock.ts';

/** Leaves the sizes of the images that it has read in the context. @param given.cache is not closed */
export async function estimateSpace(
  context: Context,
  given: {
    readonly scope: SpaceEstimate['scope'];
    readonly inventory: Inventory;
    readonly cache: ManifestCache;
  },
  progress: Progress,
): Promise<SpaceEstimate> {
  const { scope, inventory, cache } = given;
  const { registry, clock, signal, settings, plans, plannedAtMs } = context;
  // What is decided here is not decided by an earlier look.
  const stock = new Stock({ registry, clock, signal, settings, inventory, cache, maxAgeMs: 0 });
  // Also those from which nothing goes: they were looked at for the plan, and what they share with others stays.
  const planned = [...plans.values()];
  let found: readonly FoundRepository[] = [];
  if (scope === 'registry') {
    progress.status('listing the repositories');
    const all = await retrying(() => inventory.listRepositories(), context);
    // What was planned just now was looked at just now.
    const isFresh = (name: Repository) =>
      plannedAtMs !== undefined && planned.some(({ ref }) => ref.repository === name);
    found = await stock.take(
      all.filter((name) => !isFresh(name)),
      progress,
    );
  }
  const live = new Map(found.map(({ repository, tags }) => [repository, tags]));
  const tagged = planned.map((plan) => ({ plan, tags: tagsOfPlan(plan, live.get(plan.ref.repository)) }));
  const places = tagged.flatMap(({ plan, tags }) =>
    [...new Set(tags.values())].map((digest) => ({ repository: plan.ref.repository, digest })),
  );
  await stock.read(places, progress);
  for (const { plan, tags } of tagged) addLost(context, stock, { plan, tags });
  const graphs = tagged.map(({ plan, tags }) => ({
    plan,
    graph: new TagGraph(tags, (digest) => stock.space.childrenOf(digest)),
  }));
  const sizes = new Map<Digest, number>();
  for (const place of places)
    if (stock.space.has(place)) sizes.set(place.digest, stock.space.bytesOf([place]));
  context.imageSizes = sizes;
  return { scope, bytes: freedBytes(stock.space, graphs), unread: stock.unread.size };
}

/** The plan's tags; where the repository was looked at again, with those that were pushed since. */
function tagsOfPlan(
  plan: RepositoryPlan,
  live: ReadonlyMap<Tag, Digest> = new Map(),
): ReadonlyMap<Tag, Digest> {
  const tags = new Map(live);
  for (const { tag, digest, fate } of plan.tags)
    if (digest !== undefined && (fate === 'delete' || !tags.has(tag))) tags.set(tag, digest);
  return tags;
}

/** What this run has deleted is freed as well; without the cache nobody knows any more how much that is. */
function addLost(
  { outcomes }: Context,
  stock: Stock,
  { plan, tags }: { readonly plan: RepositoryPlan; readonly tags: ReadonlyMap<Tag, Digest> },
): void {
  const { repository } = plan.ref;
  for (const tag of doomedTags(plan)) {
    const digest = tags.get(tag);
    if (digest === undefined || outcomes.of(repository, tag)?.outcome !== 'deleted') continue;
    if (!stock.space.has({ repository, digest })) stock.unread.add(`${repository}@${digest}`);
  }
}
