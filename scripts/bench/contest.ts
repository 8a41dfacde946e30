/** 900 of 1000 tags: the program beside plain ways to delete the same tags. */
import { type Case, type Entrant, inTurns } from './case.ts';
import { byPlainClient, bySkopeoLoop } from './plain-ways.ts';
import { deleteByProgram, type ProgramOptions, type ProgramRun } from './program.ts';
import { DELETES, type Scene } from './scene.ts';

/** 1000 tags in one repository, of which 100 are retained. */
const CONTENT = { environments: 10, revisions: 100, retained: 10 };

type Entry = { readonly ms: number } & Partial<ProgramRun>;

export const contest: Case = {
  describe: '900 of 1000 tags, beside loops of skopeo delete and a plain HTTP client',

  async run(bench) {
    const { loop, eightfold, client, direct, pod } = await inTurns(bench, {
      loop: plain((scene) => bySkopeoLoop(scene, 1)),
      eightfold: plain((scene) => bySkopeoLoop(scene, 8)),
      client: plain(byPlainClient),
      direct: program({ via: 'direct' }),
      pod: program({ via: 'pod' }),
    });
    const row = (what: string, entry: Entry) => ({
      what,
      figures: { ...entry, timesAsFast: loop.ms / entry.ms },
    });
    return {
      title: '900 of 1000 tags deleted from one repository',
      columns: [
        { key: 'resolveMs', title: 'resolve 1000', unit: 'ms' },
        { key: 'deleteMs', title: 'look again, delete 900', unit: 'ms' },
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
          what: "pod: times direct's time",
          ...{ unit: 'factor', figure: pod.ms / direct.ms, bound: 'at most', limit: 1.4 },
        },
      ],
    };
  },
};

function faster(what: string, figure: number, limit: number) {
  return { what, unit: 'factor', figure, bound: 'at least', limit } as const;
}

function plain(measure: (scene: Scene) => Promise<number>): Entrant<Entry> {
  return {
    sandbox: { ...CONTENT, ...DELETES },
    measure: async (scene) => ({ ms: await measure(scene) }),
  };
}

function program(options: ProgramOptions): Entrant<Entry> {
  return { sandbox: CONTENT, measure: (scene) => deleteByProgram(scene, options) };
}
