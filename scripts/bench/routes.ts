/** The same job by each of the routes. */
import { routes as all, type Route } from '../../src/domain/route.ts';
import { type Case, inTurns } from './case.ts';
import { program } from './entrants.ts';
import type { ProgramRun } from './program.ts';
import { contentOf } from './scene.ts';

export const routes: Case = {
  describe: '900 of 1000 tags by each of the routes',

  async run(bench) {
    const { tags, doomed, sandbox } = contentOf({ tags: 1000, retained: 100, share: bench.share });
    const found = await inTurns<ProgramRun, Route>(bench, {
      direct: program(sandbox, { via: 'direct' }),
      pod: program(sandbox, { via: 'pod' }),
      'port-forward': program(sandbox, { via: 'port-forward' }),
      skopeo: program(sandbox, { via: 'skopeo' }),
    });
    return {
      title: `${doomed} of ${tags} tags by each of the routes`,
      columns: [
        { key: 'resolveMs', title: `resolve ${tags}`, unit: 'ms' },
        { key: 'deleteMs', title: `look again, delete ${doomed}`, unit: 'ms' },
        { key: 'ms', title: 'together', unit: 'ms' },
        { key: 'part', title: 'time beside direct', unit: 'factor' },
      ],
      rows: all.map((via) => ({
        what: `\`--via ${via}\``,
        figures: { ...found[via], part: found[via].ms / found.direct.ms },
      })),
      aims: [],
    };
  },
};
