import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderClosing } from '../../../src/adapters/terminal/closing.ts';
import { renderReview } from '../../../src/adapters/terminal/review-table.ts';
import type { SpaceEstimate } from '../../../src/domain/estimate.ts';
import { legacyRepository, type Repository } from '../../../src/domain/names.ts';
import { type JournalEntry, noFigures, type Summary } from '../../../src/domain/outcome.ts';
import {
  legacyRef,
  NEW_REPOSITORY_REF,
  planMissingRepository,
  planRepository,
  revisePlan,
} from '../../../src/domain/plan.ts';
import { reviewPlan } from '../../../src/domain/review.ts';
import { type Finding, verifyFigures } from '../../../src/domain/verify.ts';
import { A, B, C, contentOf, digest, entry, tag } from '../../domain/builders.ts';
import { personAt } from './streams.ts';

const FILE = [entry(A, 4), entry(B)];
const PLANS = [
  planRepository(
    contentOf(
      NEW_REPOSITORY_REF,
      [`${A}-1 one`, `${A}-2 two`, `${A}-3 four`, `${A}-4 four`, `${B}-1 b`, `${C}-1 c`, 'buildcache x'],
      { four: ['two'] },
    ),
    FILE,
  ),
  planMissingRepository(legacyRef(A)),
  planRepository(contentOf(legacyRef(B), ['1 one', '2 two']), FILE),
];
const CIRCUMSTANCES = {
  registry: 'docker-registry:5000',
  context: 'prod',
  done: 0,
  estimate: undefined as SpaceEstimate | undefined,
  restarts: 2,
  lastRestarts: {} as { enablingMs?: number; restoringMs?: number },
  untagFirst: [],
  planSha256: 'abc',
  unseen: [],
  file: { added: 0, removed: 0 },
  lists: '/state/run',
};

function rendered(width: number, circumstances = CIRCUMSTANCES): string[] {
  return renderReview(reviewPlan(PLANS, FILE), circumstances, width).split('\n');
}

describe('the review', () => {
  it('is a table where there is room', () => {
    assert.deepEqual(rendered(200).slice(0, 4), [
      'ENVIRONMENT               REPOSITORY                       FOUND  RETAINED  DELETE  PROTECTED',
      `${A}  dominodatalab/environment            4         1       1  2 (1 index child, 1 shared digest)`,
      `${B}  dominodatalab/environment            1         0   ALL 1  –`,
      `${B}  domino-${B}      2         0   ALL 2  –`,
    ]);
  });

  it('names the scheme instead of the repository where there is less', () => {
    assert.deepEqual(rendered(100).slice(0, 4), [
      'ENVIRONMENT               WHERE   FOUND  RETAINED  DELETE  PROTECTED',
      `${A}  new         4         1       1  2 (1 index child, 1 shared digest)`,
      `${B}  new         1         0   ALL 1  –`,
      `${B}  legacy      2         0   ALL 2  –`,
    ]);
  });

  it('is a list of blocks where there is little', () => {
    assert.deepEqual(rendered(60).slice(0, 5), [
      `${A} (new)`,
      '  found 4, retained 1, delete 1',
      '  protected 2 (1 index child, 1 shared digest)',
      `${B} (new)`,
      '  found 1, retained 0, delete ALL 1',
    ]);
    for (const line of rendered(60).slice(0, 7)) assert.ok(line.length <= 60, line);
  });

  it('says what one has to know before agreeing', () => {
    assert.deepEqual(rendered(100).slice(5), [
      '4 tags of 7 to delete from docker-registry:5000 (context prod).',
      'ALL: of 1 environment nothing will remain.',
      '2 tags protected, although the file would delete them.',
      'Left alone: 1 tag that no revision has (such as buildcache).',
      'Left alone: 1 tag of environments that the file does not name.',
      '1 environment without a legacy repository.',
      'What the cluster runs is protected. It does not tell of stopped workspaces, of jobs that Domino will start, nor of environments built FROM a revision: retain what these need.',
      'Deleting restarts the registry 2 times.',
      'Lists: /state/run',
      'Plan: sha256:abc',
    ]);
  });

  it('says what is gone already, and when nothing restarts', () => {
    const lines = rendered(100, { ...CIRCUMSTANCES, done: 3, restarts: 0 }).join('\n');
    assert.match(lines, /3 of them are gone already/);
    assert.match(lines, /Deleting does not restart/);
    assert.match(rendered(100, { ...CIRCUMSTANCES, restarts: 1 }).join('\n'), /restarted once/);
  });

  it('says how the file differs from when the plan was made', () => {
    const lines = rendered(100, { ...CIRCUMSTANCES, file: { added: 1, removed: 2 } }).join('\n');
    assert.match(lines, /1 environment more .*new run/);
    assert.match(lines, /2 environments fewer .*left alone/);
  });

  it('says how tags go whose manifests stay, and what earlier runs have left', () => {
    const given = { ...CIRCUMSTANCES, untagFirst: ['dominodatalab/environment' as Repository] };
    const [first] = PLANS;
    assert.ok(first);
    const twins = planRepository(contentOf(first.ref, [`${A}-1 twins`, `${A}-2 twins`]), [entry(A, 2)], {
      unties: true,
    });
    const unfinished = { ...twins, ledgers: [tag('registry-cleaner-20261123T100000Z-0000aa-1')] };
    const lines = renderReview(reviewPlan([unfinished], [entry(A, 2), entry(B)]), given, 100);
    assert.match(lines, /1 tag of these only as tags/);
    assert.match(lines, /Strategy for dominodatalab\/environment: untag first/);
    assert.match(lines, /has left 1 ledger of untied tags/);
    assert.match(lines, new RegExp(`No tag was found of 1 environment of the file: ${B}`));
  });

  it('says how often the registry restarts, and how long that took in earlier runs', () => {
    const remark = (restarts: number, lastRestarts = {}) =>
      rendered(100, { ...CIRCUMSTANCES, restarts, lastRestarts }).find((line) => /restart/.test(line));
    const both = { enablingMs: 24_000, restoringMs: 31_000 };
    assert.equal(remark(2), 'Deleting restarts the registry 2 times.');
    assert.equal(
      remark(2, both),
      'Deleting restarts the registry 2 times; the last ones took 24 s and 31 s.',
    );
    assert.equal(
      remark(1, both),
      'The registry is restarted once, to put its setting back; the last one took 31 s.',
    );
    assert.equal(remark(0, both), 'Deleting does not restart the registry.');
  });

  it('says what is freed, and how far that can be relied upon', () => {
    const remarks = (estimate: SpaceEstimate | undefined) =>
      rendered(100, { ...CIRCUMSTANCES, estimate }).filter((line) => /Frees|INCOMPLETE/.test(line));
    assert.deepEqual(remarks(undefined), []);
    const [bound, ...more] = remarks({ scope: 'touched', bytes: 3 * 1024 ** 3, unread: 0 });
    assert.match(
      bound ?? '',
      /^Frees at most 3\.0 GiB \(3221225472 bytes\).* An upper bound: .*--estimate=registry/,
    );
    assert.deepEqual(more, []);
    const [exact, incomplete] = remarks({ scope: 'registry', bytes: 1, unread: 2 });
    assert.match(exact ?? '', /^Frees 1 B \(1 byte\).* Every repository was read; .*without a tag/);
    assert.doesNotMatch(exact ?? '', /at most/);
    assert.match(incomplete ?? '', /^INCOMPLETE: 2 manifests could not be read/);
  });

  it('counts what was struck', () => {
    const [first, ...others] = PLANS;
    assert.ok(first);
    const struck = revisePlan(first, { struck: new Set([tag(`${A}-1`)]) });
    const text = renderReview(reviewPlan([struck, ...others], FILE), CIRCUMSTANCES, 200);
    assert.match(text, /3 \(1 index child, 1 shared digest, 1 struck\)/);
  });

  it('takes the width of the terminal', () => {
    const { person, stdout } = personAt({ columns: 60 });
    person.review(reviewPlan(PLANS, FILE), CIRCUMSTANCES);
    assert.ok(stdout().includes(`${A} (new)`));
  });
});

describe('the closing summary', () => {
  const summary: Summary = {
    event: 'summary',
    mode: 'delete',
    exitCode: 3,
    environments: 2,
    ...noFigures,
    ...verifyFigures(undefined),
    planned: 10,
    deleted: 6,
    alreadyGone: 1,
    failed: 1,
    drifted: 1,
    retained: 3,
    struck: 2,
    predictedBytes: null,
    reclaimedBytes: null,
    resumed: false,
    durationMs: 1,
  };
  const failed: JournalEntry = {
    at: '',
    repository: legacyRepository(A),
    tag: tag('7'),
    outcome: 'failed',
    reason: 'it \u001b[2Jis in use',
  };

  it('counts what became of the tags, and names those that failed', () => {
    assert.equal(
      renderClosing(summary, { folder: '/state/run', open: [failed], findings: [], undo: '' }),
      [
        'Deleted: 6 of 10 tags; 1 gone already, 1 drifted (left alone), 1 FAILED, 1 still to do.',
        'Kept: 3 retained, 2 struck.',
        `  failed: domino-${A}:7: it  [2Jis in use`,
        'Lists and journal: /state/run',
      ].join('\n'),
    );
  });

  it('says where the report is', () =>
    assert.match(
      renderClosing(
        { ...summary, report: '/state/run/report.html' },
        { folder: '/state/run', open: [], findings: [], undo: '' },
      ),
      /\nReport: \/state\/run\/report\.html$/,
    ));

  it('does not name thousands', () => {
    const text = renderClosing(summary, {
      folder: '',
      open: Array.from({ length: 1000 }, () => failed),
      findings: [],
      undo: '',
    });
    assert.equal(text.split('\n').filter((line) => line.startsWith('  failed')).length, 20);
    assert.match(text, /and 980 more/);
  });

  it('tells what the check has found, what is worst first, and how to get back what is lost', () => {
    const finding = (verdict: Finding['verdict'], name: string): Finding => ({
      ...{ repository: legacyRepository(A), tag: tag(name), verdict, reason: 'the tag is gone' },
    });
    const given = {
      ...{ folder: '/state/run', open: [], undo: 'npm run clean -- undo run' },
      findings: [finding('moved', '8'), { ...finding('lost', '9'), digest: digest('nine') }],
    };
    const checked = { ...summary, verify: 'sample', verified: 20, looked: 12, moved: 1, lost: 1 } as const;
    assert.equal(
      renderClosing(checked, given).split('\n').slice(2).join('\n'),
      [
        'Checked: 20 tags kept as before, 12 images looked into.',
        `  LOST: domino-${A}:9 (${digest('nine')}): the tag is gone`,
        `  moved since: domino-${A}:8: the tag is gone`,
        '1 tag LOST that had to stay. What this run has deleted comes back with: npm run clean -- undo run',
        'Lists and journal: /state/run',
      ].join('\n'),
    );
    const ended = renderClosing({ ...checked, verify: 'incomplete' }, given);
    assert.match(ended, /The check of what stays did not come to its end\.\n {2}LOST/);
  });

  it('of a plan says how to go on', () => {
    const plan: Summary = { ...summary, mode: 'plan', exitCode: 0 };
    assert.match(
      renderClosing(plan, { folder: '', open: [], findings: [], undo: '' }),
      /To delete: 10 tags.*--resume --delete/s,
    );
  });
});
