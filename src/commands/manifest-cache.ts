import { StorageError } from '../domain/errors.ts';
import type { ManifestCache } from '../ports.ts';
import type { World } from './world.ts';

/** What could not be kept is read again another time. */
export async function closeCache({ person }: Pick<World, 'person'>, cache: ManifestCache): Promise<void> {
  try {
    await cache.close();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    person.warn(`What was read could not be kept for the next time: ${error.message}`);
  }
}
