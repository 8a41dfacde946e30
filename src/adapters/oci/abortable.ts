/**
 * Waits for `work` until `signal` is aborted, and then rejects with its reason, whatever becomes of the work.
 * `onAbort` is called when it is given up.
 */
export async function abortable<T>(
  work: Promise<T>,
  { signal, onAbort }: { readonly signal: AbortSignal; readonly onAbort?: () => void },
): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    aborted.reject(signal.reason);
    onAbort?.();
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
