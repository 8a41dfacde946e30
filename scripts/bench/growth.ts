/** How the time of deleting grows with the repository, by each strategy. */
import type { Strategy } from '../../src/domain/strategy.ts';
import { type Bench, type Case, inTurns } from './case.ts';
import { program } from './entrants.ts';
import type { Row } from './report.ts';
import { type Content, contentOf } from './scene.ts';

interface Series {
  /** What is kept, in words. */
  readonly kept: string;
  readonly retained: (tags: number) => number;
  /** How many tags each repository has. */
  readonly sizes: readonly number[];
  /** Those that are also deleted by digest, which takes minutes in large repositories. */
  readonly byDigest: readonly number[];
}

const tenthKept: Series = {
  kept: 'a tenth kept',
  retained: (tags) => tags / 10,
  sizes: [500, 1000, 2000, 4000],
  byDigest: [500, 1000, 2000, 4000],
};
const hundredKept: Series = {
  kept: '100 kept',
  retained: () => 100,
  sizes: [500, 1000, 2000, 4000],
  byDigest: [500, 1000, 2000],
};

/** One repository, and how long deleting from it takes. */
interface Point extends Content {
  readonly untagFirstMs: number;
  readonly byDigestMs: number | undefined;
}

export const growth: Case = {
  describe: '500 to 4000 tags, of which a tenth or 100 are kept, by digest and untag first',

  async run(bench) {
    const tenth = await measure(bench, tenthKept);
    const hundred = await measure(bench, hundredKept);
    const [smallest, largest, most] = [hundred.at(0), hundred.at(-1), tenth.at(-1)];
    return {
      title: 'Deleting from larger and larger repositories, `--via direct`',
      columns: [
        { key: 'untagFirstMs', title: 'untag first', unit: 'ms' },
        { key: 'byDigestMs', title: 'by digest', unit: 'ms' },
        { key: 'part', title: 'untag first / by digest', unit: 'factor' },
      ],
      rows: [...tenth.map(rowOf(tenthKept)), ...hundred.map(rowOf(hundredKept))],
      aims: [
        {
          what: `untag first: time for ${largest?.doomed} beside ${smallest?.doomed}, 100 kept`,
          ...{ unit: 'factor', bound: 'at most', limit: 12 },
          figure: Number(largest?.untagFirstMs) / Number(smallest?.untagFirstMs),
        },
        {
          what: `untag first: time beside by digest, ${most?.doomed} of ${most?.tags}`,
          ...{ unit: 'factor', bound: 'at most', limit: 0.45 },
          figure: Number(most?.untagFirstMs) / Number(most?.byDigestMs),
        },
      ],
    };
  },
};

/** Each once, whatever the suite asks for. */
async function measure(bench: Bench, { kept, retained, sizes, byDigest }: Series): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const tags of sizes) {
    const content = contentOf({ tags, retained: retained(tags), share: bench.share });
    const by = async (strategy: Strategy): Promise<number> => {
      const entrant = `${tags} tags, ${kept}, ${strategy}`;
      const once = { ...bench, times: 1 };
      const found = await inTurns(once, {
        [entrant]: program(content.sandbox, { via: 'direct', strategy }),
      });
      return found[entrant]?.deleteMs ?? Number.NaN;
    };
    const untagFirstMs = await by('untag-first');
    const byDigestMs = byDigest.includes(tags) ? await by('by-digest') : undefined;
    points.push({ ...content, untagFirstMs, byDigestMs });
  }
  return points;
}

function rowOf({ kept }: Series) {
  return ({ tags, doomed, untagFirstMs, byDigestMs }: Point): Row => ({
    what: `${doomed} of ${tags} tags, ${kept}`,
    figures: { untagFirstMs, byDigestMs, part: byDigestMs && untagFirstMs / byDigestMs },
  });
}
