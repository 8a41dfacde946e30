import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CollectorOutput } from '../../src/domain/collector-output.ts';
import type { Digest } from '../../src/domain/names.ts';
import {
  afterReclaim,
  type Holding,
  reclaimedBetween,
  tellReclaimed,
  together,
  whyNotTakenBack,
  wouldReclaim,
} from '../../src/domain/reclaim.ts';
import type { RunRecord } from '../../src/domain/run.ts';

const hex = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;

describe("the collector's output", () => {
  /** As Docker Distribution 2.8.2 printed it; version 3 tells of layer links as well. */
  const text = `domino-62a087eaf300b349c98706c4
domino-62a087eaf300b349c98706c4: marking manifest ${hex('1')} 
domino-62a087eaf300b349c98706c4: marking blob ${hex('2')}
dominodatalab/environment
dominodatalab/environment: marking manifest ${hex('3')} 
dominodatalab/environment: layer link eligible for deletion: ${hex('9')}

4 blobs marked, 2 blobs and 0 manifests eligible for deletion
blob eligible for deletion: ${hex('a')}
time="2026-11-26T16:00:00Z" level=info msg="Deleting blob: /docker/registry/v2/blobs/sha256/aa/aa"
blob eligible for deletion: ${hex('b')}
blob eligible for deletion: nonsense`;

  it('tells what it has found, and what it takes', () => {
    const output = new CollectorOutput();
    for (const line of text.split('\n')) output.read(line);
    assert.deepEqual([...output.eligible], [hex('a'), hex('b')]);
    assert.deepEqual(
      [output.announced, output.manifests, output.repository],
      [2, 2, 'dominodatalab/environment'],
    );
  });

  it('says nothing of the end before it is known', () => {
    const output = new CollectorOutput();
    for (const line of text.split('\n').slice(0, 5)) output.read(line);
    assert.equal(output.announced, undefined);
  });
});

describe('what was freed', () => {
  const holding = (count: number, bytes: number, usedBytes?: number): Holding => ({
    blobs: { count, bytes },
    usedBytes,
  });
  const GIB = 2 ** 30;

  it('is measured, or computed where the measure is not to be believed', () => {
    const cases: [number | undefined, number | undefined, 'measured' | 'computed'][] = [
      [10 * GIB, 8 * GIB, 'measured'],
      [10 * GIB, 7.999_999 * GIB, 'measured'],
      [10 * GIB, 9 * GIB, 'measured'],
      [10 * GIB, 10 * GIB, 'computed'],
      [10 * GIB, 12 * GIB, 'computed'],
      [10 * GIB, 2 * GIB, 'computed'],
      [undefined, 8 * GIB, 'computed'],
      [10 * GIB, undefined, 'computed'],
    ];
    for (const [before, after, how] of cases) {
      const freed = reclaimedBetween(holding(5, 3 * GIB, before), holding(2, GIB, after), 99);
      assert.deepEqual([freed.blobs, freed.how], [3, how], `${before} ${after}`);
      if (how === 'computed') assert.equal(freed.bytes, 2 * GIB);
    }
  });

  it('is not known where the storage does not tell', () => {
    const nothing: Holding = { blobs: undefined, usedBytes: undefined };
    assert.deepEqual(reclaimedBetween(nothing, nothing, 7), { blobs: 7, how: 'unknown' });
    assert.equal(tellReclaimed({ blobs: 7, how: 'unknown' }), '7 blobs, how many bytes is not known');
    assert.deepEqual(wouldReclaim(new Set([hex('a')]), undefined), { blobs: 1, how: 'unknown' });
  });

  it('is foreseen from the sizes of what would go', () => {
    const sizes = new Map([
      [hex('a'), 1],
      [hex('b'), 20],
      [hex('c'), 300],
    ]);
    assert.deepEqual(wouldReclaim(new Set([hex('a'), hex('c')]), sizes), {
      blobs: 2,
      bytes: 301,
      how: 'computed',
    });
  });

  it('adds up over the resumes of a run, and is no more certain than its parts', () => {
    const [measured, computed, unknown] = (['measured', 'computed', 'unknown'] as const).map((how) => ({
      ...{ blobs: 2, how },
      ...(how !== 'unknown' && { bytes: 50 }),
    }));
    assert.ok(measured && computed && unknown);
    assert.deepEqual(together(undefined, measured), measured);
    assert.deepEqual(together(measured, measured), { blobs: 4, bytes: 100, how: 'measured' });
    assert.deepEqual(together(measured, computed), { blobs: 4, bytes: 100, how: 'computed' });
    assert.deepEqual(together(measured, unknown), { blobs: 4, how: 'unknown' });
  });
});

describe('a run of which garbage was collected', () => {
  const binding = {
    ...{ clusterUid: 'c', context: 'prod', namespace: 'n', workload: 'w', registry: 'docker-registry:5000' },
  };
  const run: RunRecord = {
    ...{ schema: 1, id: 'r-1', startedAt: '', stage: 'finished', deleting: true, confirmed: true },
    ...{ allowAbsent: false, environments: [], steps: {}, binding },
  };

  it('can no longer be taken back', () => {
    assert.equal(whyNotTakenBack(run), undefined);
    const after = afterReclaim(
      run,
      { ...binding, context: 'other', registry: '127.0.0.1:5000' },
      '2026-11-26',
    );
    assert.match(
      (after && whyNotTakenBack(after)) ?? '',
      /2026-11-26: what run r-1 had deleted by then can no longer be taken back/,
    );
  });

  it('is one of the same registry that has deleted something', () => {
    for (const other of [{ clusterUid: 'd' }, { namespace: 'm' }, { workload: 'v' }])
      assert.equal(afterReclaim(run, { ...binding, ...other }, 'now'), undefined);
    assert.equal(afterReclaim({ ...run, deleting: false }, binding, 'now'), undefined);
  });
});
