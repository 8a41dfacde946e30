/** Many operations, so many at a time. */

/**
 * Calls `operation` for every item, at most `limit` at a time, in the items' order. After the first failure no further
 * item is begun; it rejects with that failure when all that was under way has ended.
 */
export async function concurrently<T>(
  items: Iterable<T>,
  limit: number,
  operation: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async () => {
    while (failures.length === 0) {
      const next = iterator.next();
      if (next.done) return;
      try {
        await operation(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}
