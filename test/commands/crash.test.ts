/**
 * Killed anywhere, resumed until it is done: the end is always the same. fast-check prints the seed and the path of a
 * failure; to see it again: `SEED=… SEED_PATH=… node --test test/commands/crash.test.ts`.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseEnvironmentsFile } from '../../src/domain/environments.ts';
import { legacyRepository, NEW_REPOSITORY, type Repository } from '../../src/domain/names.ts';
import { doomedTags, legacyRef, NEW_REPOSITORY_REF, planRepository } from '../../src/domain/plan.ts';
import { isResumable } from '../../src/domain/run.ts';
import { VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry } from '../../src/domain/workload.ts';
import { A, B, contentOf } from '../domain/builders.ts';
import { killAt, live } from './crash.ts';
import { Scenario } from './scenario.ts';

const REVISIONS = [1, 2, 3, 4];
const IMAGES = ['p', 'q', 'r', 's', 't'];
const INDEXES = { i: ['p', 'q'], j: ['i', 'r'] };

interface Story {
  /** Tags by repository, each with its manifest. */
  readonly content: Readonly<Record<Repository, readonly string[]>>;
  readonly environments: string;
  readonly env: readonly EnvEntry[] | undefined;
  /** After how many calls each start is killed. */
  readonly kills: readonly number[];
  readonly concurrency: string;
  /** How tags can be untied, if they can. */
  readonly means: 'tag' | 'throw-away' | undefined;
  readonly strategy: 'auto' | 'untag-first';
}

const anyManifest = fc.constantFrom(...IMAGES, ...Object.keys(INDEXES));

function anyTags(names: readonly string[]): fc.Arbitrary<readonly string[]> {
  return fc
    .subarray([...names])
    .chain((tags) => fc.tuple(...tags.map((tag) => anyManifest.map((manifest) => `${tag} ${manifest}`))));
}

const anyStory: fc.Arbitrary<Story> = fc
  .record({
    newTags: anyTags(['buildcache', ...[A, B].flatMap((id) => REVISIONS.map((n) => `${id}-${n}`))]),
    legacyTags: anyTags(['buildcache', ...REVISIONS.map(String)]),
    retain: fc.tuple(fc.subarray(REVISIONS), fc.subarray(REVISIONS)),
    env: fc.constantFrom(
      undefined,
      [],
      [{ name: VARIABLE, value: 'false' }],
      [{ name: VARIABLE, value: 'true' }],
      [{ name: 'LEVEL', value: 'info' }],
    ),
    kills: fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 5 }),
    concurrency: fc.constantFrom('1', '3'),
    means: fc.constantFrom(undefined, 'tag' as const, 'throw-away' as const),
    strategy: fc.constantFrom('auto' as const, 'untag-first' as const),
  })
  .map(({ newTags, legacyTags, retain: [a, b], ...story }) => ({
    ...story,
    // There is always something in the new repository: where nothing is, the program suspects the registry.
    content: { [NEW_REPOSITORY]: [`${B}-9 own`, ...newTags], [legacyRepository(A)]: legacyTags },
    environments: `${A} ${a.join(' ')}\n${B} 9 ${b.join(' ')}\n`,
  }));

function build(story: Story): Scenario {
  const scene = new Scenario(story.env);
  if (story.means !== undefined) scene.registry.canUntie(story.means);
  scene.registry.clear();
  scene.environments = story.environments;
  for (const [repository, lines] of Object.entries(story.content) as [Repository, readonly string[]][]) {
    for (const manifest of IMAGES) scene.registry.push(repository, '', manifest);
    for (const [index, children] of Object.entries(INDEXES))
      scene.registry.push(repository, '', index, children);
    for (const line of lines) {
      const [tag = '', manifest = ''] = line.split(' ');
      scene.registry.push(repository, tag, manifest, INDEXES[manifest as keyof typeof INDEXES] ?? []);
    }
  }
  return scene;
}

/** What has to be left, by the pure plan; and how many tags have to go. */
function expected({ content, environments, means }: Story): { left: string[]; doomed: number } {
  const { entries } = parseEnvironmentsFile(environments);
  const left: string[] = [];
  let doomed = 0;
  for (const ref of [NEW_REPOSITORY_REF, legacyRef(A)]) {
    const lines = content[ref.repository] ?? [];
    const gone = new Set(
      doomedTags(planRepository(contentOf(ref, lines, INDEXES), entries, { unties: means !== undefined })),
    );
    doomed += gone.size;
    for (const line of lines) {
      const [tag = ''] = line.split(' ');
      if (!gone.has(tag as never)) left.push(`${ref.repository}:${tag}`);
    }
  }
  return { left: left.sort(), doomed };
}

/** Starts the program as a person would who sees how the last start ended. */
function start(scene: Scenario, { concurrency, strategy, means }: Story) {
  const latest = [...scene.disk.runs.values()].at(-1)?.record;
  const via = means === undefined ? 'skopeo' : 'pod';
  const flags = { delete: true, yes: true, 'allow-absent': true, concurrency, strategy, via };
  return scene.clean(latest && isResumable(latest) ? { ...flags, resume: true } : flags);
}

async function tell(story: Story): Promise<void> {
  const scene = build(story);
  for (const calls of story.kills) {
    killAt(scene, calls);
    await start(scene, story);
    if (scene.disk.runs.size > 0 && scene.record.stage === 'finished') break;
  }
  live(scene);
  const isFinished = scene.disk.runs.size > 0 && scene.record.stage === 'finished';
  const ending = isFinished ? undefined : await start(scene, story);
  if (ending?.error !== undefined) throw ending.error;
  const { left, doomed } = expected(story);
  assert.deepEqual(scene.tagsLeft(), left);
  scene.assertPutBack();
  assert.equal(scene.record.stage, 'finished');
  if (!ending) return;
  scene.assertAddsUp(ending.figures);
  assert.equal(ending.figures.planned, doomed);
  assert.equal(ending.figures.failed + ending.figures.drifted, 0);
}

describe('a program that is killed anywhere and resumed', () => {
  it('always ends with exactly the kept tags, and the template as it was', async () => {
    const { SEED: seed, SEED_PATH: path } = process.env;
    await fc.assert(fc.asyncProperty(anyStory, tell), {
      numRuns: 300,
      ...(seed !== undefined && { seed: Number(seed) }),
      ...(path !== undefined && { path }),
    });
  });

  for (const [means, strategy] of [
    [undefined, 'auto'],
    ['throw-away', 'untag-first'],
    ['tag', 'untag-first'],
    ['throw-away', 'auto'],
  ] as const)
    it(`wherever that is, untying ${means ?? 'nothing'}, by the strategy ${strategy}`, async () => {
      const story: Story = {
        content: {
          [NEW_REPOSITORY]: [`${A}-1 p`, `${A}-2 q`, `${A}-3 r`, `${A}-4 r`, `${B}-9 r`],
          [legacyRepository(A)]: ['1 p', '2 q'],
        },
        environments: `${A} 3\n${B} 9\n`,
        env: undefined,
        kills: [],
        concurrency: '1',
        means,
        strategy,
      };
      const scene = build(story);
      let calls = 0;
      const { registry, workload, pod, disk, lease } = scene;
      const count = () => {
        calls += 1;
      };
      registry.before = registry.after = workload.before = workload.after = count;
      pod.before = disk.before = lease.before = lease.after = count;
      assert.equal((await start(scene, story)).error, undefined);
      assert.ok(calls > 100, `${calls} calls`);
      for (let call = 1; call <= calls; call += 1) await tell({ ...story, kills: [call] });
    });
});
