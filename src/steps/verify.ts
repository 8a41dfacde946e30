/**
 * Holds the registry against the plan once everything is put back: that what was deleted is gone, and that what stays is
 * there, and whole. Changes nothing, and may be ended at any moment.
 */
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { RepositoryPlan } from '../domain/plan.ts';
import {
  deletedDigests,
  type Expectation,
  expectationsOf,
  type Finding,
  judgeImage,
  judgeTag,
  type KeptImage,
  keptImages,
  sampleOf,
  tellVerification,
  type Verification,
  verifyFigures,
} from '../domain/verify.ts';
import type { Progress } from '../ports.ts';
import { concurrently } from './concurrently.ts';
import type { Context, Step } from './context.ts';
import { IN_FLIGHT, lookAt, tagsOf } from './look.ts';
import { reachRegistry } from './reach.ts';
import { noteSafely } from './trail.ts';
import { WholeImages } from './whole-images.ts';

export const verify: Step = {
  key: 'verify',

  skip({ settings }) {
    return settings.verifyMode === 'none' ? '--verify none' : undefined;
  },

  async run(context, progress) {
    const check = new Check(context, progress);
    try {
      // The pod, or the connection to the registry's own one, may not have outlived the restart.
      await reachRegistry(context, progress);
      await check.run();
    } finally {
      // What was found before it was ended is told all the same.
      context.verification = check.result;
      tell(context, check.result);
    }
    return tellVerification(check.result);
  },
};

function tell(context: Context, result: Verification): void {
  const { findings } = result;
  const figures = verifyFigures(result);
  context.person.event({ event: 'verify', ...figures, gone: result.gone, findings });
  for (const { verdict, ...finding } of findings)
    noteSafely(context, { event: 'finding', ...finding, outcome: verdict });
  noteSafely(context, { event: 'verify', ...figures });
}

class Check {
  readonly #context: Context;
  readonly #progress: Progress;
  readonly #findings: Finding[] = [];
  readonly #images: KeptImage[] = [];
  #isComplete = false;
  #gone = 0;
  #verified = 0;
  #looked = 0;
  #tagsDone = 0;
  readonly #tagsTotal: number;
  #blobs: Verification['blobs'];

  constructor(context: Context, progress: Progress) {
    this.#context = context;
    this.#progress = progress;
    this.#blobs = context.registry.content === undefined ? 'notLookedFor' : 'there';
    this.#tagsTotal = [...context.plans.values()].reduce(
      (sum, { ref, tags }) =>
        sum + tags.filter(({ tag }) => !context.outcomes.isGone(ref.repository, tag)).length,
      0,
    );
  }

  get result(): Verification {
    return {
      mode: this.#context.settings.verifyMode === 'full' ? 'full' : 'sample',
      isComplete: this.#isComplete,
      gone: this.#gone,
      verified: this.#verified,
      looked: this.#looked,
      images: this.#images.length,
      blobs: this.#blobs,
      findings: this.#findings,
    };
  }

  async run(): Promise<void> {
    const { plans, settings } = this.#context;
    const there = [...plans.values()].filter((plan) => plan.exists);
    await concurrently(there, settings.concurrency, (plan) => this.#checkTags(plan));
    const chosen = settings.verifyMode === 'full' ? this.#images : sampleOf(this.#images);
    const byRepository = [...Map.groupBy(chosen, ({ repository }) => repository)];
    await concurrently(byRepository, settings.concurrency, ([repository, images]) =>
      this.#checkImages(repository, images, chosen.length),
    );
    this.#isComplete = true;
  }

  /** One listing tells which tags are gone; only those that are, or have to be, there are looked at. */
  async #checkTags(plan: RepositoryPlan): Promise<void> {
    const { reviewed, outcomes, settings } = this.#context;
    const { repository } = plan.ref;
    const listed = new Set(await tagsOf(this.#context, repository));
    const expected = expectationsOf(plan, reviewed.get(repository) ?? plan, outcomes);
    const toLookAt = expected.filter(({ state, tag }) => state !== 'gone' || listed.has(tag));
    this.#gone += expected.length - toLookAt.length;
    const kept = new Set<Tag>();
    await concurrently(toLookAt, settings.concurrency * IN_FLIGHT, async (expectation) => {
      if (await this.#checkTag(repository, expectation)) kept.add(expectation.tag);
    });
    this.#images.push(...keptImages(plan, kept, outcomes));
  }

  /** Tells whether it stands for the image that it did. */
  async #checkTag(repository: Repository, expectation: Expectation): Promise<boolean> {
    const { tag, digest, state } = expectation;
    const { verdict, reason } = judgeTag(expectation, await lookAt(this.#context, repository, tag));
    this.#tagsDone += 1;
    this.#progress.update({ done: this.#tagsDone, total: this.#tagsTotal, text: 'tags looked at' });
    if (verdict === 'gone') this.#gone += 1;
    else if (verdict === 'kept') this.#verified += 1;
    else {
      const where = { repository, tag, ...(digest === undefined ? {} : { digest }) };
      const more = verdict === 'lost' ? await this.#tellManifest(repository, digest) : '';
      this.#findings.push({ ...where, verdict, reason: `${reason}${more}` });
    }
    return verdict === 'kept' && state === 'same';
  }

  /** What is left of a lost tag decides how it comes back. */
  async #tellManifest(repository: Repository, digest: Digest | undefined): Promise<string> {
    if (digest === undefined) return '';
    const { state } = await lookAt(this.#context, repository, digest);
    return state === 'gone' ? '; its manifest is gone as well' : '; its manifest is still there';
  }

  async #checkImages(repository: Repository, images: readonly KeptImage[], total: number): Promise<void> {
    const { plans, outcomes, settings } = this.#context;
    const plan = plans.get(repository);
    const deleted = plan === undefined ? new Set<Digest>() : deletedDigests(plan, outcomes);
    const whole = new WholeImages(this.#context, repository);
    await concurrently(images, settings.concurrency, async (image) => {
      const { missing, blobs } = await whole.look(image.digest);
      const finding = judgeImage(image, missing, deleted);
      if (finding !== undefined) this.#findings.push(finding);
      if (blobs === 'known') this.#blobs = 'known';
      this.#looked += 1;
      this.#progress.update({ done: this.#looked, total, text: 'images looked into' });
    });
  }
}
