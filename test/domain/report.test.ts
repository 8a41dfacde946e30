import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  InterruptedError,
  RefusedError,
  RestoreError,
  UnreachableError,
  WindowOverError,
} from '../../src/domain/errors.ts';
import { NEW_REPOSITORY, type Tag } from '../../src/domain/names.ts';
import { type Outcome, Outcomes } from '../../src/domain/outcome.ts';
import {
  legacyRef,
  NEW_REPOSITORY_REF,
  planMissingRepository,
  planRepository,
  type RepositoryPlan,
} from '../../src/domain/plan.ts';
import { makeReport, type Report, type ReportSource } from '../../src/domain/report.ts';
import { groups } from '../../src/domain/report-figures.ts';
import { REASON_LENGTH } from '../../src/domain/report-tags.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { A, B, C, contentOf, digest, entry, id, tag } from './builders.ts';

const D = id('0123456789abcdef01234567');
const FILE = [entry(A, 3), entry(B), entry(D, 1)];

const RECORD: RunRecord = {
  schema: 1,
  id: '20261123T101500Z-3f9a1c',
  startedAt: '2026-11-23T10:15:00.000Z',
  stage: 'finished',
  deleting: true,
  confirmed: true,
  allowAbsent: false,
  environments: FILE,
  steps: {},
};

const SUBJECT = digest('b1');
const SIGNATURE = `sha256-${SUBJECT.slice('sha256:'.length)}.sig`;
const CONTENT = contentOf(NEW_REPOSITORY_REF, [
  `${A}-1 a1`,
  `${A}-2 twins`,
  `${A}-3 twins`,
  `${A}-4`,
  `${A}-3-debug x`,
  `${B}-1 b1`,
  `${SIGNATURE} signature`,
  `${C}-1 c1`,
  'buildcache y',
]);

function report(given: Partial<ReportSource> & { outcomes?: Outcomes; error?: unknown } = {}): Report {
  const { error, ...source } = given;
  return makeReport(
    {
      record: RECORD,
      plans: [planRepository(CONTENT, FILE)],
      outcomes: new Outcomes(),
      environments: FILE,
      ...source,
    },
    { error, writtenAt: '2026-11-23T10:20:00.000Z' },
  );
}

function outcomes(all: Readonly<Record<string, Outcome>>, reason = 'because'): Outcomes {
  const noted = new Outcomes();
  for (const [name, outcome] of Object.entries(all))
    noted.record({ at: '', repository: NEW_REPOSITORY, tag: name as Tag, outcome, reason });
  return noted;
}

function standings({ tags }: Report): Record<string, string> {
  return Object.fromEntries(tags.map((each) => [each.tag, each.standing]));
}

function figuresOf({ environments }: Report, environment: string | undefined): Record<string, number> {
  const found = environments.find((each) => each.environment === environment);
  return Object.fromEntries(Object.entries(found?.tags ?? {}).filter(([, figure]) => figure > 0));
}

describe('how a tag stands', () => {
  it('is its fate as long as nothing became of it', () => {
    assert.deepEqual(standings(report()), {
      [`${A}-1`]: 'open',
      [`${A}-2`]: 'protected',
      [`${A}-3`]: 'retained',
      [`${A}-4`]: 'protected',
      [`${A}-3-debug`]: 'unrecognised',
      [`${B}-1`]: 'open',
      [SIGNATURE]: 'open',
      [`${C}-1`]: 'other',
      buildcache: 'unrecognised',
    });
  });

  it('is what became of it, with the reason for that', () => {
    const made = report({
      outcomes: outcomes({ [`${A}-1`]: 'deleted', [`${B}-1`]: 'failed', [SIGNATURE]: 'drifted' }),
    });
    const { [`${A}-1`]: first, [`${B}-1`]: second, [SIGNATURE]: third } = standings(made);
    assert.deepEqual([first, second, third], ['deleted', 'failed', 'drifted']);
    assert.equal(made.tags.find((each) => each.standing === 'failed')?.reason, 'because');
  });

  it('adds up to the figures of the closing summary, and to all tags', () => {
    const made = report({ outcomes: outcomes({ [`${A}-1`]: 'deleted', [`${B}-1`]: 'alreadyGone' }) });
    const { standings: counted, figures, tags, environments } = made;
    const { deleted, gone, open, failed, drifted } = counted;
    assert.equal(deleted + gone + open + failed + drifted, figures.planned);
    assert.deepEqual(
      [counted.retained, counted.protected, counted.unrecognised, counted.struck],
      [figures.retained, figures.protected, figures.unrecognised, figures.struck],
    );
    const all = Object.values(counted).reduce((sum, figure) => sum + figure, 0);
    assert.equal(all, tags.length);
    assert.equal(
      environments.reduce(
        (sum, { tags: by }) => sum + groups.reduce((part, group) => part + by[group], 0),
        0,
      ),
      tags.length,
    );
  });

  it('has a reason on one line, without control characters, and not longer than a table can bear', () => {
    const [first] = report({
      outcomes: outcomes({ [`${A}-1`]: 'failed' }, `one\ntwo\u202e${'x'.repeat(500)}`),
    }).tags;
    assert.match(first?.reason ?? '', /^one two x+…$/);
    assert.equal(first?.reason.length, REASON_LENGTH);
  });
});

describe('figures by environment', () => {
  it('know where a signature, a debugging tag and a build cache belong', () => {
    const legacy = planRepository(contentOf(legacyRef(B), ['7 seven', 'buildcache z']), FILE);
    const made = report({ plans: [planRepository(CONTENT, FILE), legacy] });
    assert.deepEqual(figuresOf(made, A), { open: 1, retained: 1, protected: 2, unrecognised: 1 });
    assert.deepEqual(figuresOf(made, B), { open: 3, unrecognised: 1 });
    assert.deepEqual(figuresOf(made, C), { other: 1 });
    assert.deepEqual(figuresOf(made, undefined), { unrecognised: 1 });
  });

  it('name those of the file of which there is nothing, and begin with the most deletions', () => {
    const { environments } = report();
    assert.deepEqual(
      environments.map(({ environment, allTags }) => [environment, allTags]),
      [
        [B, 2],
        [A, 5],
        [C, 1],
        [undefined, 1],
        [D, 0],
      ],
    );
  });

  it('have no bytes where sizes are not known', () => {
    const made = report();
    assert.equal(made.hasBytes, false);
    assert.deepEqual(new Set(made.environments.map(({ bytes }) => bytes)), new Set([undefined]));
  });

  it('weigh each manifest once, as staying if any of its tags stays', () => {
    const sizes = new Map([
      [digest('a1'), 100],
      [digest('twins'), 20],
      [digest('b1'), 3],
    ]);
    const made = report({ sizes, outcomes: outcomes({ [`${A}-1`]: 'deleted' }) });
    const bytes = (environment: string) =>
      made.environments.find((each) => each.environment === environment)?.bytes;
    assert.equal(made.hasBytes, true);
    assert.deepEqual(bytes(A), {
      ...{ deleted: 100, open: 0, failed: 0, retained: 20, protected: 0, unrecognised: 0, other: 0 },
    });
    assert.equal(bytes(B)?.open, 3);
  });

  it('weigh nothing of a tag that goes while its manifest stays', () => {
    const plan = planRepository(CONTENT, FILE, { unties: true });
    const sizes = new Map([[digest('twins'), 20]]);
    const made = report({ plans: [plan], sizes });
    const own = made.environments.find(({ environment }) => environment === A)?.bytes;
    assert.deepEqual([own?.open, own?.retained], [0, 20]);
    const alone = { ...plan, tags: plan.tags.filter((each) => each.tag !== `${A}-3`) };
    const foreign = report({ plans: [alone], sizes }).environments.find(
      ({ environment }) => environment === A,
    );
    assert.equal(foreign?.bytes?.open, 0);
  });
});

describe('what was protected', () => {
  it('is counted by rule, with why the rule exists', () => {
    assert.deepEqual(
      report().protections.map(({ rule, tags, onlyManifests }) => [rule, tags, onlyManifests]),
      [
        ['shared digest', 1, 0],
        ['unreadable', 1, 0],
      ],
    );
    for (const { rule, why } of report().protections) assert.ok(why.length > 10, rule);
  });

  it('tells a manifest that stays from a tag that stays', () => {
    const untied: RepositoryPlan = planRepository(CONTENT, FILE, { unties: true });
    const made = report({ plans: [untied] });
    assert.deepEqual(
      made.protections.map(({ rule, tags, onlyManifests }) => [rule, tags, onlyManifests]),
      [
        ['shared digest', 0, 1],
        ['unreadable', 1, 0],
      ],
    );
    const only = made.tags.find((each) => each.manifestStays);
    assert.equal(only?.tag, tag(`${A}-2`));
    assert.match(only?.reason ?? '', /only the tag, the manifest stays: shared digest/);
  });
});

describe('how the run has ended', () => {
  const toneOf = (given: Parameters<typeof report>[0]) => report(given).ending;

  it('is good when everything was done', () => {
    const done = outcomes({ [`${A}-1`]: 'deleted', [`${B}-1`]: 'deleted', [SIGNATURE]: 'alreadyGone' });
    assert.deepEqual(toneOf({ outcomes: done }), {
      tone: 'good',
      title: 'Finished: 3 of 3 tags deleted.',
      details: [],
    });
  });

  it('is open while a plan waits', () => {
    const { tone, title } = toneOf({ record: { ...RECORD, stage: 'reviewed', deleting: false } });
    assert.deepEqual([tone, title], ['open', 'Planned: 3 tags to delete. Nothing was changed.']);
    const nothing = toneOf({
      record: { ...RECORD, deleting: false },
      plans: [planMissingRepository(NEW_REPOSITORY_REF)],
    });
    assert.equal(nothing.tone, 'good');
  });

  it('is bad when something could not be deleted', () => {
    const { tone, title } = toneOf({ outcomes: outcomes({ [`${A}-1`]: 'failed' }) });
    assert.deepEqual([tone, title], ['bad', 'Finished, but 1 tag could not be deleted.']);
  });

  for (const [error, tone] of [
    [new InterruptedError('SIGTERM', { next: 'Go on.' }), 'open'],
    [new WindowOverError('The time is over.', { next: 'Go on.' }), 'open'],
    [new UnreachableError('503', { next: 'Go on.' }), 'bad'],
    [new RefusedError('No.', { next: 'Go on.' }), 'bad'],
    [new RestoreError('It could not be put back.', { next: 'Go on.' }), 'bad'],
  ] as const)
    it(`is ${tone} after: ${error.message} It says what to do`, () =>
      assert.deepEqual(toneOf({ error }), { tone, title: error.message, details: ['Go on.'] }));

  it('says that a plan is not complete', () => {
    const record: RunRecord = { ...RECORD, stage: 'listing' };
    assert.match(toneOf({ record, error: new TypeError('x') }).details.join(), /not complete/);
  });
});

describe('time by step', () => {
  it('is told of each step that was begun, in the order of the mission', () => {
    const { steps } = report({
      record: {
        ...RECORD,
        steps: {
          delete: { state: 'running', startedAt: '2026-11-23T10:16:00.000Z' },
          'list-new': {
            state: 'done',
            startedAt: '2026-11-23T10:15:00.000Z',
            endedAt: '2026-11-23T10:15:02.500Z',
            note: '9 tags',
          },
        },
      },
    });
    assert.deepEqual(
      steps.map(({ title, state, durationMs, note }) => [title, state, durationMs, note]),
      [
        ['list new-repo tags', 'done', 2500, '9 tags'],
        ['delete', 'running', undefined, undefined],
      ],
    );
  });
});
