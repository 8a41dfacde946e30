/** Trying again what can succeed a moment later. */
import { backoffMs } from '../domain/backoff.ts';
import { RegistryError } from '../domain/errors.ts';
import type { Clock } from '../ports.ts';

/** Enough for a registry that restarts: about a minute and a half in all. */
const ATTEMPTS = 10;

/** Whether a failure is one of those that trying again can help. */
export function isTemporary(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.failure === 'temporary';
}

/**
 * The registry answers, and cannot read what it has there. Docker Distribution 2.8 writes the small files that tags and
 * manifests are found by in place: ended in the middle of that, it leaves an empty one, and answers 500 for it until
 * somebody puts the tag, or the manifest, again. As long as a tag's file is empty, no deletion in the repository ends
 * well. A 500 that passes is something else: to be asked of what was tried again.
 */
export function isBroken(error: unknown): boolean {
  return isTemporary(error) && error.internal;
}

/** Runs `operation`, again after a temporary failure of the registry; the last failure is the answer. */
export async function retrying<T>(
  operation: () => Promise<T>,
  given: { clock: Clock; signal: AbortSignal; attempts?: number; onRetry?: (error: RegistryError) => void },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    given.signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      if (!isTemporary(error) || attempt >= (given.attempts ?? ATTEMPTS)) throw error;
      given.onRetry?.(error);
      await given.clock.sleep(
        Math.max(backoffMs(attempt, given.clock.random()), error.retryAfterMs),
        given.signal,
      );
    }
  }
}
