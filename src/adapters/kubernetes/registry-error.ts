/** Failures on the way to the registry, which leads through the cluster, as failures of the registry. */
import { RegistryError, type RegistryFailure } from '../../domain/errors.ts';
import { ApiError } from './api-error.ts';

/**
 * 404 and 400 are the answers for a pod that has gone, or whose container does not run (any more): the next try looks
 * for another one.
 */
const FAILURES: Readonly<Record<number, RegistryFailure>> = {
  400: 'temporary',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'temporary',
};

/** Any other error is returned as it is. */
export function asRegistryError(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  const failure = FAILURES[error.status ?? 0] ?? (error.temporary ? 'temporary' : 'other');
  return new RegistryError(error.message, { failure, next: error.next, cause: error });
}
