/** Many small repositories, as the older naming scheme leaves them: what counts is the way there and back. */
import { type Case, inTurns } from './case.ts';
import { type Entry, other, program } from './entrants.ts';
import { deleteByPlainClient } from './plain-ways.ts';

const REPOSITORIES = 500;
const TAGS = 4;

export const small: Case = {
  describe: `${REPOSITORIES} legacy repositories of ${TAGS} tags, all but one of each deleted`,

  async run(bench) {
    const environments = Math.max(1, Math.round(REPOSITORIES * bench.share));
    const sandbox = { environments, legacy: environments, revisions: TAGS, retained: 1 };
    const only = 'legacy';
    const found = await inTurns<Entry, Name>(bench, {
      one: other(sandbox, (scene) => deleteByPlainClient(scene, { atATime: 1, only })),
      sixteen: other(sandbox, (scene) => deleteByPlainClient(scene, { atATime: 16, only })),
      direct: program(sandbox, { via: 'direct', only }),
      pod: program(sandbox, { via: 'pod', only }),
    });
    const row = (what: string, name: Name) => ({
      what,
      figures: { ...found[name], timesAsFast: found.one.ms / found[name].ms },
    });
    const doomed = environments * (TAGS - 1);
    return {
      title: `${doomed} of ${environments * TAGS} tags, deleted from ${environments} repositories`,
      columns: [
        { key: 'resolveMs', title: 'list, resolve', unit: 'ms' },
        { key: 'deleteMs', title: 'look again, delete', unit: 'ms' },
        { key: 'ms', title: 'together', unit: 'ms' },
        { key: 'timesAsFast', title: 'times as fast', unit: 'factor' },
      ],
      rows: [
        row('a plain HTTP client, one after the other', 'one'),
        row('a plain HTTP client, 16 at a time', 'sixteen'),
        row('this program, `--via direct`', 'direct'),
        row('this program, `--via pod`', 'pod'),
      ],
      aims: [],
    };
  },
};

type Name = 'one' | 'sixteen' | 'direct' | 'pod';
