/** The report of a large run, made from a plan and outcomes as a run has them. */
import { createHash } from 'node:crypto';
import {
  type Digest,
  type EnvironmentId,
  parseDigest,
  parseEnvironmentId,
  parseTag,
  type Tag,
} from '../../src/domain/names.ts';
import { Outcomes } from '../../src/domain/outcome.ts';
import { NEW_REPOSITORY_REF, planRepository } from '../../src/domain/plan.ts';
import { makeReport, type Report } from '../../src/domain/report.ts';
import type { RunRecord } from '../../src/domain/run.ts';

/** Of each environment; the newest is retained. */
const REVISIONS = 40;
/** Milliseconds since 1970: 2026-11-23, 10:15 UTC. */
const BEGUN_AT = 1_795_428_900_000;

export interface LargeReport {
  readonly tags: number;
  /** One of so many deletions fails, each for a reason of its own; 0: none. */
  readonly failingEvery: number;
  /** What each manifest weighs is known. */
  readonly weighed: boolean;
}

/** A report of that many tags in one repository, forty for each environment, all but the newest of which were deleted. */
export function largeReport({ tags, failingEvery, weighed }: LargeReport): Report {
  const environments = Array.from({ length: Math.ceil(tags / REVISIONS) }, (_, at) => ({
    id: idOf(at),
    retain: [REVISIONS],
    line: at + 1,
  }));
  const content = new Map<Tag, Digest>();
  for (let at = 0; at < tags; at += 1) {
    const name = `${idOf(Math.floor(at / REVISIONS))}-${REVISIONS - (at % REVISIONS)}` as Tag;
    content.set(must(parseTag(name)), digestOf(name));
  }
  const plan = planRepository({ ref: NEW_REPOSITORY_REF, tags: content, indexes: {} }, environments);
  const outcomes = new Outcomes();
  const { repository } = plan.ref;
  for (const [at, { tag, fate, digest }] of plan.tags.entries()) {
    if (fate !== 'delete') continue;
    const entry = { at: new Date(BEGUN_AT).toISOString(), repository, tag };
    const fails = failingEvery > 0 && at % failingEvery === 0;
    const reason = `DELETE /v2/${repository}/manifests/${digest}: 500 (unknown: unknown error, number ${at})`;
    outcomes.record(fails ? { ...entry, outcome: 'failed', reason } : { ...entry, outcome: 'deleted' });
  }
  const record: RunRecord = {
    schema: 1,
    id: '20261123T101500Z-3f9a1c',
    by: 'ann@laptop',
    startedAt: new Date(BEGUN_AT).toISOString(),
    stage: 'finished',
    deleting: true,
    confirmed: true,
    allowAbsent: false,
    environments,
    steps: {
      'list-new': { state: 'done', startedAt: moment(1), endedAt: moment(9) },
      delete: { state: 'done', startedAt: moment(40), endedAt: moment(400) },
    },
  };
  const sizes = new Map([...content.values()].map((digest, at) => [digest, (at % 977) * 2 ** 20]));
  return makeReport(
    { record, plans: [plan], outcomes, environments, ...(weighed && { sizes }) },
    { error: undefined, writtenAt: moment(420) },
  );
}

function moment(seconds: number): string {
  return new Date(BEGUN_AT + seconds * 1000).toISOString();
}

function idOf(at: number): EnvironmentId {
  return must(
    parseEnvironmentId(createHash('sha256').update(`environment ${at}`).digest('hex').slice(0, 24)),
  );
}

function digestOf(name: string): Digest {
  return must(parseDigest(`sha256:${createHash('sha256').update(name).digest('hex')}`));
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('A name is not valid.');
  return value;
}
