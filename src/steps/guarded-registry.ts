/** A registry that asks for leave before it changes anything: the one place where a run is kept from going on. */
import type { Registry, RegistryContent, SavedManifests, Untagging } from '../ports.ts';

/**
 * @param requireLeave throws when nothing may be changed any more; it is asked immediately before each change
 * @param saved no manifest is deleted that is not in it
 */
export function guarded(
  registry: Registry,
  requireLeave: () => void,
  saved: Pick<SavedManifests, 'has'>,
): Registry {
  const ask = <Given extends unknown[], Answer>(change: (...given: Given) => Promise<Answer>) => {
    return async (...given: Given): Promise<Answer> => {
      requireLeave();
      return await change(...given);
    };
  };
  const { untagging, content } = registry;
  return {
    check: (...given) => registry.check(...given),
    listTags: (...given) => registry.listTags(...given),
    resolve: (...given) => registry.resolve(...given),
    read: (...given) => registry.read(...given),
    deleteManifest: ask(async (repository, digest) => {
      if (!saved.has(digest)) throw new Error(`${repository}@${digest} is to be deleted, and is not saved.`);
      return await registry.deleteManifest(repository, digest);
    }),
    removeDanglingTag: ask((...given) => registry.removeDanglingTag(...given)),
    deletionState: () => registry.deletionState(),
    inventory: registry.inventory,
    untagging: untagging && guardedUntagging(untagging, ask),
    content: content && guardedContent(content, requireLeave),
    quiesce: (...given) => registry.quiesce(...given),
    close: () => registry.close(),
  };
}

type Ask = <Given extends unknown[], Answer>(
  change: (...given: Given) => Promise<Answer>,
) => (...given: Given) => Promise<Answer>;

function guardedUntagging(untagging: Untagging, ask: Ask): Untagging {
  return {
    writeLedger: ask((...given) => untagging.writeLedger(...given)),
    readLedger: (...given) => untagging.readLedger(...given),
    untie: ask((...given) => untagging.untie(...given)),
    sweep: ask((...given) => untagging.sweep(...given)),
    retie: ask((...given) => untagging.retie(...given)),
    removeLedger: ask((...given) => untagging.removeLedger(...given)),
  };
}

/** @param requireLeave as for `guarded` */
export function guardedContent(content: RegistryContent, requireLeave: () => void): RegistryContent {
  return {
    knowsBlob: (...given) => content.knowsBlob(...given),
    readManifest: (...given) => content.readManifest(...given),
    async putManifest(...given) {
      requireLeave();
      return await content.putManifest(...given);
    },
  };
}
