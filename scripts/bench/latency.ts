/** Resolving digests from further away, as from a laptop outside the cluster. */
import { type Case, inTurns } from './case.ts';
import { type Entry, other } from './entrants.ts';
import { resolveByPlainClient } from './plain-ways.ts';
import { planByProgram } from './program.ts';
import { contentOf } from './scene.ts';

/** There and back. */
const LATENCY_MS = 20;

export const latency: Case = {
  describe: `resolving 1000 digests with ${LATENCY_MS} ms of latency in between`,

  async run(bench) {
    const { tags, sandbox } = contentOf({ tags: 1000, retained: 100, share: bench.share });
    // A pod's streams and forwarded ports go through the API server.
    const far = { ...sandbox, registryLatencyMs: LATENCY_MS };
    const farApi = { ...sandbox, apiLatencyMs: LATENCY_MS };
    const found = await inTurns<Entry, Name>(bench, {
      one: other(far, (scene) => resolveByPlainClient(scene, 1)),
      sixteen: other(far, (scene) => resolveByPlainClient(scene, 16)),
      direct: { sandbox: far, measure: (scene) => planByProgram(scene, { via: 'direct' }) },
      pod: { sandbox: farApi, measure: (scene) => planByProgram(scene, { via: 'pod' }) },
      'port-forward': { sandbox: farApi, measure: (scene) => planByProgram(scene, { via: 'port-forward' }) },
    });
    const row = (what: string, name: Name) => ({
      what,
      figures: { ms: found[name].ms, timesAsFast: found.one.ms / found[name].ms },
    });
    return {
      title: `Listing and resolving ${tags} tags, ${LATENCY_MS} ms away`,
      columns: [
        { key: 'ms', title: 'time', unit: 'ms' },
        { key: 'timesAsFast', title: 'times as fast', unit: 'factor' },
      ],
      rows: [
        row('a plain HTTP client, one after the other', 'one'),
        row('a plain HTTP client, 16 at a time', 'sixteen'),
        row('this program, `--via direct`', 'direct'),
        row('this program, `--via pod`', 'pod'),
        row('this program, `--via port-forward`', 'port-forward'),
      ],
      aims: [
        {
          what: `pod: resolving ${tags} digests`,
          ...{ unit: 'ms', figure: found.pod.ms, bound: 'at most', limit: 4000 },
        },
      ],
    };
  },
};

type Name = 'one' | 'sixteen' | 'direct' | 'pod' | 'port-forward';
