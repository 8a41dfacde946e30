import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderScan } from '../../../src/adapters/terminal/scan-table.ts';
import type { ScanReport } from '../../../src/domain/scan.ts';
import { A, B } from '../../domain/builders.ts';
import { personAt } from './streams.ts';

const MIB = 1024 ** 2;
const REPORT: ScanReport = {
  ...{ at: '2026-11-23T10:00:00.000Z', registry: 'docker-registry:5000', context: 'prod', keepLast: 3 },
  ...{ repositories: 5, foreign: 2, manifests: 43, unread: [], bytes: 9000 * MIB, gainBytes: 700 * MIB },
  environments: [
    { environment: A, revisions: [40, 39, 7], bytes: 2048 * MIB, ownBytes: 1024 * MIB, gainBytes: 512 * MIB },
    { environment: B, revisions: [1], bytes: MIB, ownBytes: 1000, gainBytes: 0 },
  ],
};

describe('a scan on the terminal', () => {
  it('is a table where there is room', () => {
    assert.deepEqual(renderScan(REPORT, 100).split('\n').slice(0, 5), [
      'ENVIRONMENT               REVISIONS  NEWEST  OLDEST   IN ALL  ITS OWN  KEEP 3 FREES',
      `${A}          3      40       7  2.0 GiB  1.0 GiB     512.0 MiB`,
      `${B}          1       1       1  1.0 MiB   1000 B           0 B`,
      '',
      "docker-registry:5000 (context prod): 5 repositories, 2 of them not Domino's, 43 manifests, 8.8 GiB.",
    ]);
  });

  it('is a block for each environment where there is not', () => {
    const [first, ...more] = renderScan(REPORT, 60).split('\n');
    assert.equal(first, A);
    assert.deepEqual(more.slice(0, 4), [
      '  3 revisions, 7 to 40',
      '  2.0 GiB, of which its own 1.0 GiB',
      '  keeping 3 frees 512.0 MiB',
      B,
    ]);
  });

  it('is a table only where all of it has room', () => {
    const isTable = (width: number) => renderScan(REPORT, width).startsWith('ENVIRONMENT');
    const needed = renderScan(REPORT, 500).indexOf('\n');
    assert.ok(isTable(needed));
    assert.ok(!isTable(needed - 1));
  });

  it('says how far it can be relied upon', () => {
    assert.doesNotMatch(renderScan(REPORT, 100), /INCOMPLETE/);
    const unread = Array.from({ length: 7 }, (_, n) => `some/repository:${n}\u001b[31m`);
    const text = renderScan({ ...REPORT, unread }, 100);
    assert.match(text, /INCOMPLETE: 7 manifests could not be read/);
    assert.match(text, /some\/repository:4[^\n]*\n {2}and 2 more/);
    assert.ok(!text.includes('\u001b'));
    assert.match(
      renderScan(REPORT, 100),
      /Keeping the newest 3 of every environment frees 700\.0 MiB together/,
    );
  });

  it('says what was not asked for again, how long ago that was looked at, and how to ask', () => {
    assert.doesNotMatch(renderScan(REPORT, 100), /asked for/);
    const remembered = { tags: 40, oldestAt: '2026-11-23T09:47:55.000Z' };
    assert.match(
      renderScan({ ...REPORT, remembered }, 100),
      /^40 revisions were not asked for again: .* up to 12 min 05 s earlier counts\. --max-age 0 asks for each again\.$/m,
    );
    assert.match(
      renderScan({ ...REPORT, remembered: { ...remembered, tags: 1 } }, 100),
      /^1 revision was not/m,
    );
  });

  it('tells where there is nothing, and what was written', () => {
    const text = renderScan({ ...REPORT, environments: [], file: '/home/ann/found' }, 100);
    assert.match(text, /There is no revision of any environment/);
    assert.match(text, /commented out: \/home\/ann\/found/);
  });

  it('is one object for a machine', () => {
    const { person, stdout, stderr } = personAt({ output: 'json' });
    person.scan(REPORT);
    assert.deepEqual(JSON.parse(stdout()), { event: 'scan', ...REPORT });
    assert.match(stderr(), /KEEP 3 FREES/);
  });
});
