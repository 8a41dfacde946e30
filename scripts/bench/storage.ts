/** Storage that takes its time for each read, as object stores and network file systems do. */
import { type Strategy, strategies } from '../../src/domain/strategy.ts';
import { type Case, inTurns } from './case.ts';
import { program } from './entrants.ts';
import type { ProgramRun } from './program.ts';
import { contentOf } from './scene.ts';

const READ_DELAY_MS = 5;

export const storage: Case = {
  describe: `storage that takes ${READ_DELAY_MS} ms a read, by digest and untag first`,

  async run(bench) {
    const content = contentOf({ tags: 300, retained: 30, share: bench.share });
    const sandbox = { ...content.sandbox, objectStore: { readDelayMs: READ_DELAY_MS } };
    const found = await inTurns<ProgramRun, Strategy>(bench, {
      'by-digest': program(sandbox, { via: 'direct', strategy: 'by-digest' }),
      'untag-first': program(sandbox, { via: 'direct', strategy: 'untag-first' }),
    });
    return {
      title: `${content.doomed} of ${content.tags} tags, on storage that takes ${READ_DELAY_MS} ms a read`,
      columns: [
        { key: 'resolveMs', title: `resolve ${content.tags}`, unit: 'ms' },
        { key: 'deleteMs', title: `look again, delete ${content.doomed}`, unit: 'ms' },
        { key: 'part', title: 'deleting, beside by digest', unit: 'factor' },
      ],
      rows: strategies.map((strategy) => ({
        what: `\`--strategy ${strategy}\``,
        figures: { ...found[strategy], part: found[strategy].deleteMs / found['by-digest'].deleteMs },
      })),
      aims: [],
    };
  },
};
