import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Auditor, pastRun, tellLine, tellRuns } from '../../src/domain/history.ts';
import { legacyRepository } from '../../src/domain/names.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { parseLine, type TrailLine } from '../../src/domain/trail.ts';
import { verifyFigures } from '../../src/domain/verify.ts';
import { A, tag } from './builders.ts';

const AT = '2026-11-23T10:00:00.000Z';
const RECORD: RunRecord = {
  schema: 1,
  id: '20261123T100000Z-0000aa',
  startedAt: AT,
  stage: 'deleting',
  deleting: true,
  confirmed: true,
  allowAbsent: false,
  environments: [],
  steps: {},
};
const ENTRY: TrailLine = { at: AT, repository: legacyRepository(A), tag: tag('7'), outcome: 'deleted' };

describe('a line of the trail', () => {
  const start: TrailLine = {
    ...{ at: AT, event: 'start', by: 'bob@desk', context: 'prod-2', registry: 'r:5000' },
    ...{ deleting: true, resumed: true },
  };

  it('is of whoever has made the latest start', () => {
    const auditor = new Auditor({ ...RECORD, by: 'ann@laptop' });
    const lines = [ENTRY, start, ENTRY].map((line) => auditor.audit(line));
    assert.deepEqual(
      lines.map(({ by, context }) => `${by} ${context}`),
      ['ann@laptop ', 'bob@desk prod-2', 'bob@desk prod-2'],
    );
  });

  it('is told in one line, whatever stands in it', () => {
    const auditor = new Auditor(RECORD);
    assert.equal(tellLine(auditor.audit(ENTRY)), `${AT}  deleted domino-${A}:7`);
    const evil = auditor.audit({ ...ENTRY, outcome: 'failed', reason: 'a\n\u001b[2Jb' } as TrailLine);
    assert.equal(tellLine(evil), `${AT}  failed domino-${A}:7: a [2Jb`);
    assert.equal(
      tellLine(auditor.audit(start)),
      `${AT}  gone on with by bob@desk, context prod-2, registry r:5000, to delete`,
    );
    const figures = {
      ...verifyFigures(undefined),
      verify: 'full' as const,
      verified: 3,
      lost: 1,
      notWhole: 2,
    };
    assert.equal(
      tellLine(auditor.audit({ at: AT, event: 'verify', ...figures })),
      `${AT}  verify (full): 3 kept, 1 LOST, 2 not whole`,
    );
  });

  it('is read back as it was written; what is none is damaged', () => {
    for (const line of [ENTRY, start]) assert.deepEqual(parseLine(JSON.stringify(line)), line);
    for (const text of ['', 'null', '7', '{}', '{"event":"start"}', '{"event":"other","at":""}', '{"at":"'])
      assert.equal(parseLine(text), undefined, text);
  });
});

describe('the list of runs', () => {
  it('takes what a run has come to from its record, or else from its journal', () => {
    const figures = {
      ...{ planned: 5, deleted: 3, alreadyGone: 1, failed: 1, drifted: 0 },
      ...verifyFigures(undefined),
    };
    assert.partialDeepStrictEqual(pastRun({ ...RECORD, figures }, undefined), { ended: true, planned: 5 });
    assert.partialDeepStrictEqual(pastRun(RECORD, undefined), { ended: false, planned: 0 });
    const row = tellRuns([pastRun({ ...RECORD, stage: 'incomplete', figures }, undefined)]).split('\n')[1];
    assert.match(row ?? '', / – +– +– +incomplete +5 +4 +1 +–$/);
  });

  it('says of a run after which garbage was collected that it is final', () => {
    const past = pastRun(
      { ...RECORD, stage: 'given-up', reclaimedAt: '2026-11-24T10:00:00.000Z' },
      undefined,
    );
    assert.equal(past.reclaimedAt, '2026-11-24T10:00:00.000Z');
    assert.match(tellRuns([past]), /given-up, can no longer be taken back/);
  });

  it('shows nothing of a record that a terminal would obey', () => {
    const told = tellRuns([pastRun({ ...RECORD, by: '\u001b[2Jann' }, undefined)]);
    assert.equal(told.includes('\u001b'), false);
  });
});
