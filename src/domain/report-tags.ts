/** Every tag of a run with how it stands, for the report. */
import { type Digest, type EnvironmentId, parseEnvironmentId, type Repository, type Tag } from './names.ts';
import { type Outcome, type Outcomes, settledOutcome } from './outcome.ts';
import type { RepositoryPlan, RepositoryRef } from './plan.ts';
import type { Fate, PlannedTag } from './planned-tag.ts';
import { ruleOf } from './protection.ts';
import { subjectOf } from './referrers.ts';
import { plainText } from './text.ts';

/**
 * How a tag stands when the report is made.
 *
 * - `deleted`, `gone` (it was gone when its turn came), `failed`, `drifted`: what became of it
 * - `open`: it is to be deleted
 * - the others: it stays; as the fates of the plan
 */
export type Standing =
  | 'deleted'
  | 'gone'
  | 'open'
  | 'failed'
  | 'drifted'
  | 'retained'
  | 'struck'
  | 'protected'
  | 'unrecognised'
  | 'other';

export interface ReportTag {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly digest: Digest | undefined;
  /** The environment that it belongs to, as far as its name, its repository or its subject tell. */
  readonly environment: EnvironmentId | undefined;
  readonly standing: Standing;
  /** Why. Plain text, at most `REASON_LENGTH` characters. */
  readonly reason: string;
  /** The rule of protection that keeps it, or its manifest. */
  readonly rule?: string;
  /** Only the tag goes, or has gone: something that stays needs its manifest. */
  readonly manifestStays: boolean;
}

/** Longer ones, as the registry's own words can be, would make a report of many failures too large to be looked at. */
export const REASON_LENGTH = 160;

const byOutcome: Readonly<Record<Outcome, Standing>> = {
  deleted: 'deleted',
  alreadyGone: 'gone',
  failed: 'failed',
  drifted: 'drifted',
};

const byFate: Readonly<Record<Fate, Standing>> = {
  delete: 'open',
  retain: 'retained',
  protect: 'protected',
  struck: 'struck',
  unrecognised: 'unrecognised',
  other: 'other',
};

/** Every tag, in the plans' order. */
export function reportTags(plans: readonly RepositoryPlan[], outcomes: Outcomes): readonly ReportTag[] {
  return plans.flatMap(({ ref, tags }) => {
    const environmentOf = environments(ref, tags);
    return tags.map((planned): ReportTag => {
      const { tag, digest, fate } = planned;
      const outcome = settledOutcome(outcomes, ref.repository, planned);
      const standing = outcome === undefined ? byFate[fate] : byOutcome[outcome.outcome];
      const stays = fate === 'delete' ? planned.manifestStays : undefined;
      const rule = planned.rule ?? (stays === undefined ? undefined : ruleOf(stays));
      return {
        repository: ref.repository,
        tag,
        digest,
        environment: environmentOf(planned),
        standing,
        reason: plainText(outcome?.reason ?? reasonOf(planned), REASON_LENGTH),
        ...(rule !== undefined && { rule }),
        manifestStays: stays !== undefined,
      };
    });
  });
}

function reasonOf({ fate, reason, manifestStays }: PlannedTag): string {
  return fate === 'delete' && manifestStays !== undefined
    ? `${reason}; only the tag, the manifest stays: ${manifestStays}`
    : reason;
}

/** Tells a tag's environment, also of what is no revision: a `buildcache`, an `<id>-7-debug`, a signature. */
function environments(
  ref: RepositoryRef,
  tags: readonly PlannedTag[],
): (planned: PlannedTag) => EnvironmentId | undefined {
  if (ref.scheme === 'legacy') return () => ref.environment;
  const byName = ({ tag, names }: PlannedTag) => names?.environment ?? leadingId(tag);
  const byDigest = new Map<Digest, EnvironmentId | undefined>();
  for (const planned of tags)
    if (planned.digest !== undefined && !byDigest.has(planned.digest))
      byDigest.set(planned.digest, byName(planned));
  return (planned) => {
    const subject = subjectOf(planned.tag);
    return byName(planned) ?? (subject && byDigest.get(subject));
  };
}

/** The ID that the tag begins with, and that is followed by no further letter or digit. */
function leadingId(tag: Tag): EnvironmentId | undefined {
  return /^[^a-z0-9]?$/i.test(tag.charAt(24)) ? parseEnvironmentId(tag.slice(0, 24)) : undefined;
}
