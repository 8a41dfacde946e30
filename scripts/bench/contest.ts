/** 900 of 1000 tags: the program beside plain ways to delete the same tags. */
import { type Case, inTurns } from './case.ts';
import { type Entry, other, program } from './entrants.ts';
import { deleteByPlainClient, deleteBySkopeoLoop } from './plain-ways.ts';
import { contentOf } from './scene.ts';

export const contest: Case = {
  describe: '900 of 1000 tags, beside loops of skopeo delete and a plain HTTP client',

  async run(bench) {
    const { tags, doomed, sandbox } = contentOf({ tags: 1000, retained: 100, share: bench.share });
    const { loop, eightfold, client, direct, pod } = await inTurns<Entry, Name>(bench, {
      loop: other(sandbox, (scene) => deleteBySkopeoLoop(scene, 1)),
      eightfold: other(sandbox, (scene) => deleteBySkopeoLoop(scene, 8)),
      client: other(sandbox, (scene) => deleteByPlainClient(scene, { atATime: 16, only: 'new' })),
      direct: program(sandbox, { via: 'direct' }),
      pod: program(sandbox, { via: 'pod' }),
    });
    const row = (what: string, entry: Entry) => ({
      what,
      figures: { ...entry, timesAsFast: loop.ms / entry.ms },
    });
    return {
      title: `${doomed} of ${tags} tags deleted from one repository`,
      columns: [
        { key: 'resolveMs', title: `resolve ${tags}`, unit: 'ms' },
        { key: 'deleteMs', title: `look again, delete ${doomed}`, unit: 'ms' },
        { key: 'ms', title: 'together', unit: 'ms' },
        { key: 'timesAsFast', title: 'times as fast', unit: 'factor' },
        { key: 'cpuMs', title: 'its own processor time', unit: 'ms' },
      ],
      rows: [
        row('`skopeo delete`, one after the other', loop),
        row('`skopeo delete`, eight at a time', eightfold),
        row('a plain HTTP client, 16 at a time', client),
        row('this program, `--via direct`', direct),
        row('this program, `--via pod`', pod),
      ],
      aims: [
        faster('direct: times as fast as Skopeo', loop.ms / direct.ms, 5),
        faster('direct: times as fast as Skopeo eight at a time', eightfold.ms / direct.ms, 2.5),
        faster('direct: times as fast as the plain HTTP client', client.ms / direct.ms, 1.4),
        {
          what: 'pod: time beside direct',
          ...{ unit: 'factor', figure: pod.ms / direct.ms, bound: 'at most', limit: 1.4 },
        },
      ],
    };
  },
};

type Name = 'loop' | 'eightfold' | 'client' | 'direct' | 'pod';

function faster(what: string, figure: number, limit: number) {
  return { what, unit: 'factor', figure, bound: 'at least', limit } as const;
}
