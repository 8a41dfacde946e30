/** Reports of runs, for the tests of how they look. */
import { Outcomes } from '../../../src/domain/outcome.ts';
import { legacyRef, NEW_REPOSITORY_REF, planRepository } from '../../../src/domain/plan.ts';
import { makeReport, type Report } from '../../../src/domain/report.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { A, B, contentOf, digest, entry } from '../../domain/builders.ts';

const FILE = [entry(A, 3), entry(B)];

/** What a cluster or a registry could say if it meant ill. */
export const HOSTILE = [
  `</script><script>document.title = 'taken'</script>`,
  `<img src=x onerror="document.title='taken'">`,
  `"'><svg onload=alert(1)>`,
  '<!--<script>',
  `' style='background:url(http://127.0.0.1:9/x)`,
  '&lt;b&gt;',
] as const;

/**
 * A small run with something of everything: deleted, failed, protected, retained, unrecognised, legacy.
 *
 * @param words stand wherever words come from outside
 */
export function smallReport(words: readonly string[] = ['plain words']): Report {
  const word = (at: number) => words[at % words.length] ?? '';
  const inUse = { tags: new Map([[`${B}-2`, `pod ${word(0)}`]]), digests: new Map() };
  const plans = [
    planRepository(
      contentOf(NEW_REPOSITORY_REF, [
        ...[`${A}-1 a1`, `${A}-2 twins`, `${A}-3 twins`, `${A}-4 a4`, `${A}-3-debug x`],
        ...[`${B}-1 b1`, `${B}-2 b2`, `${B}-10 b10`, 'buildcache y'],
      ]),
      FILE,
      { inUse: inUse as never },
    ),
    planRepository(contentOf(legacyRef(A), ['1 one', '2 two', 'buildcache z']), FILE),
  ];
  const outcomes = new Outcomes();
  const [
    {
      ref: { repository },
    },
  ] = plans as [(typeof plans)[0]];
  for (const [index, tag] of [`${A}-1`, `${A}-4`, `${B}-1`].entries())
    outcomes.record({
      ...{ at: '', repository, tag: tag as never },
      ...(index === 0 ? { outcome: 'deleted' } : { outcome: 'failed', reason: word(index) }),
    });
  const at = '2026-11-23T10:15:00.000Z';
  const record: RunRecord = {
    ...{ schema: 1, id: '20261123T101500Z-3f9a1c', by: word(3), startedAt: at, stage: 'incomplete' },
    ...{ deleting: true, confirmed: true, allowAbsent: false, environments: FILE },
    binding: { clusterUid: '', context: word(4), namespace: word(5), workload: word(0), registry: word(1) },
    steps: {
      'list-new': { state: 'done', startedAt: at, endedAt: '2026-11-23T10:15:02.000Z', note: word(2) },
      delete: { state: 'failed', startedAt: at, endedAt: '2026-11-23T10:17:02.000Z', note: word(3) },
    },
  };
  return makeReport(
    { record, plans, outcomes, environments: FILE, sizes: new Map([[digest('a1'), 5 * 1024 ** 3]]) },
    { error: new Error(word(1)), writtenAt: at },
  );
}
