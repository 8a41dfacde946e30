/** Makes sure that the registry can be reached, by the route that was chosen and by no other. */
import { RegistryError, UnreachableError } from '../domain/errors.ts';
import { otherRoutes } from '../domain/route.ts';
import type { Progress } from '../ports.ts';
import type { Context } from './context.ts';
import { retrying } from './retry.ts';

const ATTEMPTS = 6;

/**
 * Opens the route and has the registry accept the credentials.
 *
 * @throws UnreachableError that names the other routes
 */
export async function reachRegistry(
  context: Pick<Context, 'pod' | 'registry' | 'clock' | 'signal'> & {
    readonly settings: Pick<Context['settings'], 'via'>;
  },
  progress: Progress,
): Promise<void> {
  const { pod, registry, clock, signal, settings } = context;
  try {
    if (pod) progress.status('waiting for the pod to start');
    await pod?.ensure(signal);
    // A pod of this run may have outlived the program that started it, with commands still at work in it.
    await registry.quiesce(signal);
    progress.status('logging in to the registry');
    await retrying(() => registry.check(signal), {
      clock,
      signal,
      attempts: ATTEMPTS,
      onRetry: (error) => progress.status(`the registry does not answer yet: ${error.message}`),
    });
  } catch (error) {
    signal.throwIfAborted();
    // With wrong credentials, or without permission, no other route would do better.
    if (!(error instanceof UnreachableError) || !isShut(error)) throw error;
    const next = `${error.next} ${otherRoutes(settings.via)}`.trim();
    throw new UnreachableError(error.message, { next, cause: error });
  }
}

/** The route is shut, rather than that the registry or the cluster has said no. */
function isShut(error: UnreachableError): boolean {
  if (error instanceof RegistryError) return error.failure === 'temporary' || error.failure === 'other';
  return !error.forbidden;
}
