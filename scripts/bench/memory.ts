/** What 50,000 planned tags take: memory, and place on disk. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Case, type Entrant, inTurns } from './case.ts';
import { type ManyTags, manyTags, putManyTags, REPOSITORY } from './many-tags.ts';
import { deleteByProgram, type ProgramRun, planByProgram } from './program.ts';
import { startQuickRegistry } from './quick-registry.ts';

const ENVIRONMENTS = 500;
const MIB = 1024 * 1024;

export const memory: Case = {
  describe: 'memory and files of a run with 50,000 planned tags',

  async run(bench) {
    const many = manyTags(Math.max(1, Math.round(ENVIRONMENTS * bench.share)));
    const found = await inTurns<ProgramRun, Name>(bench, { planned: planned(many), deleted: deleted(many) });
    const row = (what: string, name: Name) => ({ what, figures: { ...found[name] } });
    const most = (what: string, name: Name) =>
      ({
        what,
        unit: 'bytes',
        figure: found[name].peakBytes ?? Number.NaN,
        bound: 'at most',
        limit: 250 * MIB,
      }) as const;
    return {
      title: `What ${many.doomed} tags to delete take, of ${many.tags.length}`,
      columns: [
        { key: 'peakBytes', title: 'most memory', unit: 'bytes' },
        { key: 'planBytes', title: 'plan', unit: 'bytes' },
        { key: 'journalBytes', title: 'journal', unit: 'bytes' },
        { key: 'recordBytes', title: 'run.json', unit: 'bytes' },
        { key: 'ms', title: 'time', unit: 'ms' },
      ],
      rows: [
        row('planned, `--via direct`', 'planned'),
        row('planned and deleted, from a registry in memory', 'deleted'),
      ],
      aims: [most('planned: most memory', 'planned'), most('planned and deleted: most memory', 'deleted')],
    };
  },
};

type Name = 'planned' | 'deleted';

/** Up to the review, on the real registry. */
function planned(many: ManyTags): Entrant<ProgramRun> {
  return {
    sandbox: { environments: 1, revisions: 1, objectStore: {} },
    async measure(scene) {
      putManyTags(scene.sandbox, many.tags);
      const environments = join(scene.folder, 'environments');
      await writeFile(environments, many.environments);
      return await planByProgram(scene, { via: 'direct', only: 'new', environments });
    },
  };
}

/** To the end, on a registry that answers at once: a real one would be at it for a quarter of an hour. */
function deleted(many: ManyTags): Entrant<ProgramRun> {
  return {
    sandbox: { environments: 1, revisions: 1 },
    async measure(scene) {
      const environments = join(scene.folder, 'environments');
      await writeFile(environments, many.environments);
      const registry = await startQuickRegistry(REPOSITORY, many.tags);
      try {
        const options = { via: 'direct', only: 'new', environments, registry: registry.address } as const;
        const run = await deleteByProgram(scene, options);
        const left = registry.tags.length;
        if (left !== many.tags.length - many.doomed) throw new Error(`${left} tags are left.`);
        return run;
      } finally {
        await registry.close();
      }
    },
  };
}
