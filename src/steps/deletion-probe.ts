/** Asking the registry itself whether it lets manifests be deleted. */
import { RegistryError, UnreachableError } from '../domain/errors.ts';
import type { Progress, Registry } from '../ports.ts';
import type { Context } from './context.ts';
import { retrying } from './retry.ts';

type DeletionState = Awaited<ReturnType<Registry['deletionState']>>;

/** A rollout is over, and its last connection to an old pod may still be on its way. */
const PATIENCE_MS = 30_000;
const POLL_MS = 500;

/** What the registry says now; `unknown` as well where it does not let this user ask. */
export async function deletionState(
  context: Pick<Context, 'registry' | 'clock' | 'signal'>,
): Promise<DeletionState> {
  try {
    return await retrying(() => context.registry.deletionState(), context);
  } catch (error) {
    if (error instanceof RegistryError && ['unauthorized', 'forbidden'].includes(error.failure))
      return 'unknown';
    throw error;
  }
}

/** Waits until the registry says `wanted`, or that it cannot be told; gives back what it said last. */
export async function awaitDeletionState(
  context: Pick<Context, 'registry' | 'clock' | 'signal' | 'settings'>,
  wanted: 'enabled' | 'disabled',
  progress: Progress,
): Promise<DeletionState> {
  const { clock, signal } = context;
  const startedAt = clock.now();
  const patienceMs = Math.min(PATIENCE_MS, context.settings.rolloutTimeoutMs);
  for (;;) {
    const state = await deletionState(context);
    if (state === wanted || state === 'unknown' || clock.now() - startedAt > patienceMs) return state;
    progress.status(`waiting until the registry has deletion ${wanted}`);
    await clock.sleep(POLL_MS, signal);
  }
}

/** @throws UnreachableError unless the registry, having been restarted, lets manifests be deleted */
export async function requireEnabled(context: Context, progress: Progress): Promise<void> {
  const state = await awaitDeletionState(context, 'enabled', progress);
  if (state !== 'disabled') return;
  throw new UnreachableError(
    'The registry was restarted with deletion enabled, and still refuses to delete.',
    {
      next: 'It may be read-only (REGISTRY_STORAGE_MAINTENANCE_READONLY), a pull-through cache, or take its settings from elsewhere. Nothing was deleted.',
    },
  );
}
