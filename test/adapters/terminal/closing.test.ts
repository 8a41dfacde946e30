import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderClosing, renderUndo } from '../../../src/adapters/terminal/closing.ts';
import { legacyRepository } from '../../../src/domain/names.ts';
import { noFigures, type Summary } from '../../../src/domain/outcome.ts';
import type { UndoEntry, UndoSummary } from '../../../src/domain/undo.ts';
import { verifyFigures } from '../../../src/domain/verify.ts';
import { A, digest, tag } from '../../domain/builders.ts';

describe('the closing summary of a run that has saved what it deleted', () => {
  it('says where that is, how large, and what it is good for', () => {
    for (const [bytes, text] of [
      [7, '7 B'],
      [1023, '1023 B'],
      [1536, '1.5 KiB'],
      [150 * 1024, '150.0 KiB'],
      [3 * 1024 ** 2, '3.0 MiB'],
    ] as const) {
      const saved = { file: '/state/run/deleted-manifests.jsonl.gz', bytes };
      assert.ok(
        renderClosing(
          { ...plainSummary(), saved },
          { folder: '', open: [], findings: [], undo: '' },
        ).includes(`Saved, to be put back with "npm run clean -- undo": ${saved.file} (${text})`),
        text,
      );
    }
  });
});

describe('the closing summary of an undo', () => {
  const summary: UndoSummary = {
    event: 'summary',
    mode: 'undo',
    exitCode: 3,
    run: '20261123T100001Z-000001',
    ...{ tags: 8, restored: 3, there: 1, pushedSince: 1, incomplete: 1, failed: 1, unproven: 2 },
    durationMs: 1,
  };
  const entry = (name: string, outcome: UndoEntry['outcome'], reason?: string): UndoEntry => ({
    ...{ repository: legacyRepository(A), tag: tag(name), digest: digest(name), outcome },
    ...(reason === undefined ? {} : { reason }),
  });

  it('counts, and names every image that is not whole again', () => {
    const many = Array.from({ length: 100 }, (_, n) => entry(`${n + 100}`, 'incomplete', 'a layer is gone'));
    const text = renderUndo(summary, [
      entry('1', 'restored'),
      entry('2', 'there'),
      entry('3', 'pushedSince'),
      entry('4', 'failed', 'no\u001b[2J'),
      ...many,
    ]);
    const lines = text.split('\n');
    assert.equal(
      lines[0],
      'Put back of run 20261123T100001Z-000001: 3 of 8 tags; 1 there already, 1 pushed since (left alone), 1 NOT WHOLE any more, 1 FAILED, 1 still to do.',
    );
    assert.deepEqual(lines.slice(1, 3), [
      `  pushed since, left alone: domino-${A}:3`,
      `  FAILED: domino-${A}:4: no [2J`,
    ]);
    assert.equal(lines.filter((line) => line.startsWith('  NOT WHOLE')).length, 100);
    assert.deepEqual(lines.slice(-3), [
      'Whole, as far as the registry knows: 2.',
      'Put back, but only the object store behind the registry could tell whether it is whole: 2.',
      'The same command goes on with the rest.',
    ]);
  });
});

function plainSummary(): Summary {
  return {
    ...{ event: 'summary', mode: 'delete', exitCode: 0, environments: 1 },
    ...noFigures,
    ...verifyFigures(undefined),
    predictedBytes: null,
    reclaimedBytes: null,
    ...{ resumed: false, durationMs: 1 },
  };
}
