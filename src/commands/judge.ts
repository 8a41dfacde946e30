/** Judging a complete plan before anybody is asked to agree to it. */
import { RefusedError } from '../domain/errors.ts';
import { emptiedInUse } from '../domain/in-use.ts';
import { absentRevisions, doomedTags, plannedRevisions } from '../domain/plan.ts';
import { count, plainText } from '../domain/text.ts';
import type { Options } from '../options.ts';
import type { Context } from '../steps/context.ts';
import { existingRevisions } from '../steps/newest.ts';

/** @throws RefusedError when no repository of the plan exists: that is a wrong registry rather than nothing to do */
export function requireSomeRepository(context: Context, registry: string): void {
  const plans = [...context.plans.values()];
  if (plans.some((plan) => plan.exists)) return;
  throw new RefusedError(
    plans.length === 1
      ? `The registry ${registry} does not have the repository ${plans[0]?.ref.repository}.`
      : `The registry ${registry} has none of the ${plans.length} repositories asked for.`,
    { next: 'Check --registry and the environments file. Nothing was changed.' },
  );
}

/** @throws RefusedError when the plan deletes more than the person has allowed */
export function requireWithinLimits(
  context: Context,
  { maxDeletions, maxShare }: Pick<Options, 'maxDeletions' | 'maxShare'>,
): void {
  const plans = [...context.plans.values()];
  const doomed = plans.reduce((sum, plan) => sum + doomedTags(plan).length, 0);
  if (maxDeletions !== undefined && doomed > maxDeletions)
    throw new RefusedError(
      `The plan deletes ${count(doomed, 'tag')}, more than --max-deletions ${maxDeletions}.`,
      {
        next: 'Retain more in the environments file, or allow more. Nothing was changed.',
      },
    );
  if (maxShare === undefined) return;
  const over = plans.filter((plan) => doomedTags(plan).length * 100 > plan.tags.length * maxShare);
  if (over.length === 0) return;
  const lines = over.map(
    (plan) => `  ${plan.ref.repository}: ${doomedTags(plan).length} of ${count(plan.tags.length, 'tag')}`,
  );
  throw new RefusedError(`The plan deletes more than ${maxShare} % (--max-share) of\n${lines.join('\n')}`, {
    next: 'Retain more in the environments file, or allow more. Nothing was changed.',
  });
}

/** @throws RefusedError when nothing would remain of an environment that something runs */
export async function requireNothingEmptied(
  { plans, imagesInUse }: Context,
  { allowEmptying }: Pick<Options, 'allowEmptying'>,
): Promise<void> {
  const emptied = emptiedInUse(plans.values(), await imagesInUse.now());
  if (allowEmptying || emptied.length === 0) return;
  const lines = emptied.map(
    ({ environment, image, by }) => `  ${environment}: ${plainText(by)} runs ${plainText(image)}`,
  );
  throw new RefusedError(
    `The plan leaves nothing of ${count(emptied.length, 'environment')} that something runs:\n${lines.join('\n')}`,
    { next: 'Retain what they need, or allow it (--allow-emptying). Nothing was changed.' },
  );
}

/** @throws RefusedError unless the plan is the one that was agreed to elsewhere */
export function requireThePlan(context: Context, wanted: string | undefined): void {
  const actual = context.run.record.planSha256;
  if (wanted === undefined || wanted === actual) return;
  throw new RefusedError(`The plan is sha256:${actual}, not the one that --plan names.`, {
    next: 'Something has changed since that one was reviewed, or it is another run. Review this one. Nothing was changed.',
  });
}

/** @throws RefusedError that names every retained revision that exists nowhere */
export async function requireRetainedRevisions(context: Context): Promise<void> {
  const planned = plannedRevisions(context.plans.values());
  const suspects = absentRevisions(context.environments, planned);
  if (suspects.length === 0) return;
  // The plan need not have all: `--only` passes repositories over, and since it was made revisions may have been built,
  // and environments added to the file.
  const environments = suspects.map(({ environment }) => environment);
  const existing = await existingRevisions(context, environments);
  const absent = absentRevisions(context.environments, [...planned, ...existing]);
  if (absent.length === 0) return;
  const lines = absent.map(({ environment, revision, line }) => `  line ${line}: ${environment} ${revision}`);
  throw new RefusedError(
    `${count(absent.length, 'revision')} to retain ${absent.length === 1 ? 'exists' : 'exist'} nowhere in the registry:\n${lines.join('\n')}`,
    { next: 'Most likely a typing error in the environments file. If not, go on with --allow-absent.' },
  );
}
