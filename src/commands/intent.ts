/** What a start of the program is to do: read and judged on this machine, before the cluster is touched. */
import type { EnvironmentEntry } from '../domain/environments.ts';
import { UsageError } from '../domain/errors.ts';
import type { ImageUse } from '../domain/in-use.ts';
import type { RepositoryPlan } from '../domain/plan.ts';
import { speaksHttp } from '../domain/route.ts';
import { decideStart, isResumable, type RunRecord } from '../domain/run.ts';
import { count } from '../domain/text.ts';
import type { RunHandle, RunStore } from '../ports.ts';
import { type EarlierRun, planToContinue, readEarlierRun, wasEdited } from './earlier-run.ts';
import type { Tally, World } from './world.ts';

export interface Intent {
  readonly environments: readonly EnvironmentEntry[];
  /** Images that are known to be in use elsewhere. */
  readonly inUse: readonly ImageUse[];
  readonly store: RunStore;
  /** The run that is gone on with, as it was left. */
  readonly resumed: EarlierRun | undefined;
  /** Its plans as they are to be carried out now; none in a new run. */
  readonly plans: readonly RepositoryPlan[];
  /** The unfinished run whose place a new one takes. */
  readonly replaced: RunHandle | undefined;
  /** That one may have left a setting changed, which is put back first. */
  readonly putsBackFirst: boolean;
  /** The run deletes, now or since its first start. */
  readonly deletes: boolean;
  /** It collects garbage after that. */
  readonly reclaims: boolean;
  readonly confirmed: boolean;
}

/**
 * Reads and judges everything local.
 *
 * @throws UsageError for what is wrong with the files, and for options that do not fit the run
 * @throws RefusedError when an unfinished run must not be passed over silently
 */
export async function readIntent(world: World, tally: Tally): Promise<Intent> {
  const { options } = world;
  tally.mode = options.delete ? 'delete' : 'plan';
  const environments = await world.readEnvironments();
  tally.environments = environments.length;
  const inUse = await world.readInUse();
  await world.report.check();
  const store = await world.openStore();
  const before = await readBefore(world, await store.latest());
  const { resumed } = before;
  const wishes = wishesOf(options, resumed?.run.record);
  tally.mode = wishes.deletes ? 'delete' : 'plan';
  tally.resumed = resumed !== undefined;
  requireFitting(world, { ...wishes, record: resumed?.run.record });
  if (resumed && resumed.damagedLines > 0)
    world.person.warn(
      `${count(resumed.damagedLines, 'line')} of the journal cannot be read; these tags are looked at again.`,
    );
  const now = { environments, unties: speaksHttp(options.via) };
  const plans = resumed ? await planToContinue(resumed, now) : [];
  return { environments, inUse, store, ...before, plans, ...wishes };
}

/** What becomes of the run that was there before. */
async function readBefore(
  { options }: World,
  latest: RunHandle | undefined,
): Promise<Pick<Intent, 'resumed' | 'replaced' | 'putsBackFirst'>> {
  // A run that is over or to be given up is not read: whatever has become of its files, it does not stand in the way.
  const earlier =
    latest && isResumable(latest.record) && !options.fresh ? await readEarlierRun(latest) : undefined;
  const { action } = decideStart({
    latest: latest?.record,
    listsEdited: earlier !== undefined && latest?.record.stage === 'reviewed' && wasEdited(earlier),
    resume: options.resume,
    fresh: options.fresh,
  });
  return {
    resumed: action === 'resume' ? earlier : undefined,
    replaced: action === 'replace' || action === 'give-up' ? latest : undefined,
    putsBackFirst: action === 'give-up',
  };
}

/** What the person wants of the run, now or since its first start. */
function wishesOf(
  options: World['options'],
  record: RunRecord | undefined,
): Pick<Intent, 'deletes' | 'reclaims' | 'confirmed'> {
  const reclaims = options.reclaim || (record?.reclaim ?? false);
  return {
    deletes: options.delete || (record?.deleting ?? false),
    reclaims,
    // Who has agreed to a deletion has not agreed to what makes it final.
    confirmed: options.yes || (record?.confirmed === true && record.reclaim === (reclaims || undefined)),
  };
}

/** @throws UsageError for options that say nothing without others, or contradict each other or the run */
function requireFitting(
  { options, person }: World,
  { record, deletes, confirmed }: Pick<Intent, 'deletes' | 'confirmed'> & { record: RunRecord | undefined },
): void {
  const { only, reclaim, dryRun } = options;
  if (only !== undefined && record && record.only !== only)
    throw new UsageError(
      `Run ${record.id} was begun ${record.only ? `with --only ${record.only}` : 'without --only'}.`,
      {
        next: 'Resume it without --only; it keeps to what it was begun with.',
      },
    );
  if (reclaim && !deletes)
    throw new UsageError('--reclaim is given without --delete.', {
      next: 'Add --delete. To collect garbage and nothing else: npm run clean -- reclaim',
    });
  // Set as a variable: whoever has done so wants nothing to be changed.
  if (dryRun && deletes)
    throw new UsageError('REGISTRY_CLEANER_DRY_RUN is set, and this run would delete.', {
      next: 'Unset it, or begin a run without --delete, which only plans.',
    });
  if (deletes && !confirmed && !person.present)
    throw new UsageError('Deleting has to be confirmed, and there is no terminal to ask in.', {
      next: 'Add --yes to confirm it beforehand.',
    });
}

/** A run that only plans may go on beside another. */
export function changesCluster({ deletes, putsBackFirst }: Intent): boolean {
  return deletes || putsBackFirst;
}

/** The record of the run whose binding counts: the one that is gone on with, or that has to be put right first. */
export function boundBy({ resumed, replaced, putsBackFirst }: Intent): RunRecord | undefined {
  return resumed?.run.record ?? (putsBackFirst ? replaced?.record : undefined);
}
