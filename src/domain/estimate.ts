/** How much a run will free, once the registry's garbage collector has been at work. */
import { doomedTags, type RepositoryPlan } from './plan.ts';
import type { ManifestPlace, Space } from './space.ts';
import type { TagGraph } from './tag-graph.ts';
import { formatBytes } from './text.ts';

/**
 * - `touched`: by the repositories of the plan alone. Others may share layers with them, so it is an upper bound
 * - `registry`: by every repository of the registry
 * - `none`: not found out
 */
export const scopes = ['touched', 'registry', 'none'] as const;
export type Scope = (typeof scopes)[number];

export interface SpaceEstimate {
  readonly scope: Exclude<Scope, 'none'>;
  readonly bytes: number;
  /** How many manifests could not be read: with any of them the figure is incomplete. */
  readonly unread: number;
}

/** `frees at most 1.5 GiB`. */
export function tellEstimate({ scope, bytes, unread }: SpaceEstimate): string {
  const most = scope === 'touched' ? 'at most ' : '';
  return `frees ${most}${formatBytes(bytes)}${unread > 0 ? ', incomplete' : ''}`;
}

/** What is freed when all of these plans are carried out. */
export function freedBytes(
  space: Space,
  plans: readonly { readonly plan: RepositoryPlan; readonly graph: TagGraph }[],
): number {
  return space.freedBy(plans.flatMap(({ plan, graph }) => fallingPlaces(plan, graph)));
}

/** What goes of a repository with the tags that its plan dooms. */
function fallingPlaces(plan: RepositoryPlan, graph: TagGraph): readonly ManifestPlace[] {
  const { repository } = plan.ref;
  // What belongs to what goes is doomed by the plan as well, or was struck from it.
  return [...graph.fallingWith(doomedTags(plan), { follow: false })].map((digest) => ({
    repository,
    digest,
  }));
}
