/** Where it is noted that garbage was collected: with the run, and with every other run of the same registry. */
import { afterReclaim, beginReclaim, type Holding, together } from '../domain/reclaim.ts';
import type { Binding } from '../domain/run.ts';
import type { RunHandle, RunStore } from '../ports.ts';
import type { ReclaimBook } from '../steps/reclaim-context.ts';
import type { Tally } from './world.ts';

interface Noting {
  readonly store: RunStore;
  readonly binding: Binding;
  readonly tally: Tally;
}

/** For a run that deletes first. */
export function bookOfRun(run: RunHandle, { store, binding, tally }: Noting): ReclaimBook {
  tally.reclaimed = run.record.reclaimed;
  return {
    run: run.record.id,
    get before() {
      return run.record.beforeReclaim;
    },
    keepBefore: (before) =>
      run.update(({ beforeReclaim: _, ...record }) => ({
        ...record,
        ...(before && { beforeReclaim: before }),
      })),
    async begin(at) {
      await run.update((record) => beginReclaim(record, at));
      await store.updateOthers(run.record.id, (record) => afterReclaim(record, binding, at));
    },
    async finish(reclaimed) {
      await run.update(({ beforeReclaim: _, ...record }) => ({
        ...record,
        reclaimed: together(record.reclaimed, reclaimed),
      }));
      tally.reclaimed = run.record.reclaimed;
    },
  };
}

/** For collecting garbage and nothing else: there is no record of it. */
export function bookWithoutRun(id: string, { store, binding, tally }: Noting): ReclaimBook {
  let before: Holding | undefined;
  return {
    run: id,
    get before() {
      return before;
    },
    async keepBefore(holding) {
      before = holding;
    },
    begin: (at) => store.updateOthers(undefined, (record) => afterReclaim(record, binding, at)),
    async finish(reclaimed) {
      tally.reclaimed = reclaimed;
    },
  };
}
