/** What has to be known before garbage is collected: who collects, from where, and that nobody is pushing. */
import { RefusedError } from '../domain/errors.ts';
import type { Digest } from '../domain/names.ts';
import { UNDER_WAY_MINUTES } from '../domain/reclaim.ts';
import { changedEntry, READ_ONLY_VARIABLE } from '../domain/setting-record.ts';
import { count, plainText } from '../domain/text.ts';
import { describe, type Workload, type WorkloadContainer } from '../domain/workload.ts';
import type { RecentUploads, RegistryPlace, ServingRegistry } from '../ports.ts';
import { placesOf, type ReclaimContext } from './reclaim-context.ts';
import { retrying } from './retry.ts';

/** So many are named one by one. */
const NAMED_AT_MOST = 5;

type Looking = Pick<ReclaimContext, 'workload' | 'collector' | 'clock' | 'signal'>;

/** Every replica of the registry, as it runs. */
export interface Replica {
  readonly place: RegistryPlace;
  readonly serving: ServingRegistry;
}

/**
 * Looks into every pod of the registry.
 *
 * @throws RefusedError when there is one in which garbage could not be collected
 */
export async function inspectReplicas(context: Looking, container: string): Promise<readonly Replica[]> {
  const replicas: Replica[] = [];
  for (const place of await placesOf(context, container)) {
    const serving = await retrying(() => context.collector.inspect(place, context.signal), context);
    replicas.push({ place, serving });
  }
  return replicas;
}

/** @throws RefusedError for a workload whose garbage is not to be collected by making it read-only and writable again */
export function refuseUncollectable(
  workload: Workload,
  { container, replicas }: { readonly container: WorkloadContainer; readonly replicas: readonly Replica[] },
): void {
  const overruling = (container.env ?? []).find(({ name }) => name.startsWith(`${READ_ONLY_VARIABLE}_`));
  if (overruling)
    throw new RefusedError(
      `${describe(workload)} sets ${overruling.name}, which outranks ${READ_ONLY_VARIABLE}.`,
      {
        next: 'Remove it from the template, then start again.',
      },
    );
  const outliving = replicas.find(({ serving }) => serving.cache !== '' && serving.cache !== 'inmemory');
  if (outliving)
    throw new RefusedError(
      `The registry keeps its cache in ${plainText(outliving.serving.cache, 40)}, which outlives a restart: it would go on believing in blobs that are gone.`,
      {
        next: 'Have it cache in memory (storage.cache.blobdescriptor: inmemory), or collect by hand (README, "Garbage by hand").',
      },
    );
  if (workload.ownVolumes && workload.replicas > 1 && replicas.some(({ serving }) => serving.inFiles))
    throw new RefusedError(
      `${describe(workload)} has ${workload.replicas} replicas with a volume each: what one collects, the others keep.`,
      { next: 'Scale it to one replica at a time, or collect by hand (README, "Garbage by hand").' },
    );
}

/** @throws RefusedError unless the registry's processes themselves were started read-only */
export function requireReadOnly(replicas: readonly Replica[]): void {
  const { name, value } = changedEntry('readOnly');
  const wanted = `${name}=${value}`;
  const writable = replicas.find(
    ({ serving }) => serving.readOnlyVariables.length !== 1 || serving.readOnlyVariables[0] !== wanted,
  );
  if (writable === undefined) return;
  throw new RefusedError(`The registry in pod ${writable.place.pod.name} is not read-only.`, {
    next: `Its process has ${plainText(writable.serving.readOnlyVariables.join(', ')) || 'no such variable'}. No garbage was collected.`,
  });
}

/** @throws RefusedError when somebody collects garbage by hand at this moment: restarting the registry would end that */
export async function requireNoCollector(context: Looking, replicas: readonly Replica[]): Promise<void> {
  for (const { place } of replicas) {
    const living = await retrying(() => context.collector.count(place, context.signal), context);
    if (living > 0)
      throw new RefusedError(`A garbage collector is at work already in pod ${place.pod.name}.`, {
        next: 'Wait for it to end; nothing was changed.',
      });
  }
}

/**
 * Looks for uploads that are under way, and stops for them.
 *
 * @returns blobs that came a moment ago: a push puts them there before the manifest that needs them
 * @throws RefusedError when there are some, or when it cannot be known and was not allowed
 */
export async function requireNoUploads(
  context: Looking & Pick<ReclaimContext, 'settings' | 'person'>,
  place: RegistryPlace,
): Promise<ReadonlySet<Digest>> {
  const found = await retrying(
    () => context.collector.uploads(place, UNDER_WAY_MINUTES, context.signal),
    context,
  );
  if (found === undefined) {
    if (!context.settings.allowUnseenUploads) throw unseenUploads();
    return new Set();
  }
  if (found.open.length > 0) throw openUploads(found);
  return found.blobs;
}

export function unseenUploads(): RefusedError {
  return new RefusedError(
    'The registry does not keep its content in files of its pod: it cannot be seen whether somebody is pushing.',
    {
      next: 'If you know that nobody is, say so with --allow-unseen-uploads. A push that is under way would lose what it has uploaded.',
    },
  );
}

function openUploads({ open }: RecentUploads): RefusedError {
  const named = open.slice(0, NAMED_AT_MOST).map((each) => `\n  ${plainText(each, 200)}`);
  const more = open.length > NAMED_AT_MOST ? `\n  … and ${open.length - NAMED_AT_MOST} more` : '';
  return new RefusedError(
    `Somebody is pushing to the registry: ${count(open.length, 'upload')} changed within the last ${UNDER_WAY_MINUTES} minutes:${named.join('')}${more}`,
    { next: 'Wait for it to end, or, if it was given up, until it is older. Then start again.' },
  );
}

/** @throws RefusedError for blobs that the collector would take, and that came only a moment ago */
export function refuseFreshGarbage(eligible: ReadonlySet<Digest>, recent: ReadonlySet<Digest>): void {
  const fresh = [...eligible].filter((digest) => recent.has(digest)).length;
  if (fresh === 0) return;
  throw new RefusedError(
    `${count(fresh, 'blob')} came to the registry within the last ${UNDER_WAY_MINUTES} minutes, and no manifest needs ` +
      `${fresh === 1 ? 'it' : 'them'}: a push may be under way.`,
    { next: 'Wait for it to end. If it was images that are deleted by now, wait until they are older.' },
  );
}
