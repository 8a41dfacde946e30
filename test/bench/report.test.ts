import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CaseReport, json, markdown } from '../../scripts/bench/report.ts';

const report: CaseReport = {
  title: 'Apples and pears',
  columns: [
    { key: 'ms', title: 'time', unit: 'ms' },
    { key: 'peakBytes', title: 'memory', unit: 'bytes' },
    { key: 'timesAsFast', title: 'times as fast', unit: 'factor' },
  ],
  rows: [
    { what: 'apples', figures: { ms: 12_345.678_9, timesAsFast: 1 } },
    { what: 'pears', figures: { ms: 1234.5, peakBytes: 3 * 1024 * 1024, timesAsFast: 10 } },
  ],
  aims: [{ what: 'pears beside apples', unit: 'factor', figure: 10, bound: 'at least', limit: 5 }],
};

test('a report is a table in Markdown, with what was aimed at', () => {
  assert.equal(
    markdown(report),
    `### Apples and pears

|  | time | memory | times as fast |
| --- | ---: | ---: | ---: |
| apples | 12.3 s | – | 1.00 |
| pears | 1.23 s | 3.0 MiB | 10.00 |

|  | measured | aimed at |
| --- | ---: | ---: |
| pears beside apples | 10.00 | at least 5.00 |`,
  );
});

test('nothing aimed at: no table of it', () => {
  assert.doesNotMatch(markdown({ ...report, aims: [] }), /aimed at/);
});

test('the same report as one line of JSON has every figure, rounded to thousandths', () => {
  const line = json('fruit', report);
  assert.doesNotMatch(line, /\n/);
  assert.deepEqual(JSON.parse(line), {
    bench: 'fruit',
    title: 'Apples and pears',
    rows: [
      { what: 'apples', ms: 12_345.679, timesAsFast: 1 },
      { what: 'pears', ms: 1234.5, peakBytes: 3_145_728, timesAsFast: 10 },
    ],
    aims: report.aims,
  });
});
