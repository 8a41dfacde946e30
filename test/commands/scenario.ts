/** A registry in a cluster with an environments file, and short ways to run the program on them. */
import assert from 'node:assert/strict';
import { clean } from '../../src/commands/clean.ts';
import { legacyRepository, NEW_REPOSITORY } from '../../src/domain/names.ts';
import type { Figures } from '../../src/domain/outcome.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import type { EnvEntry } from '../../src/domain/workload.ts';
import type { RawOptions } from '../../src/options/values.ts';
import { A, B, C } from '../domain/builders.ts';
import { FakeWorld, type Program } from '../support/fakes/world.ts';

export const LEGACY_A = legacyRepository(A);

/** How a start of the program ended. */
export interface Ending {
  readonly program: Program;
  readonly error: unknown;
  readonly failed: number | undefined;
  readonly figures: Figures;
}

export class Scenario extends FakeWorld {
  /** The workload as it was before anybody touched it. */
  readonly pristine: unknown;

  constructor(env?: readonly EnvEntry[]) {
    super(env);
    this.pristine = this.workload.snapshot();
    this.environments = `# ours\n${A} 4\n${B} 2\n`;
    for (const revision of [1, 2, 3, 4])
      this.registry.push(NEW_REPOSITORY, `${A}-${revision}`, `a${revision}`);
    this.registry.push(NEW_REPOSITORY, `${B}-1`, 'a4'); // twin of the kept A-4
    this.registry.push(NEW_REPOSITORY, `${B}-2`, 'index', ['a3']); // keeps A-3, its child
    this.registry.push(NEW_REPOSITORY, `${C}-1`, 'c1'); // an environment that the file does not name
    this.registry.push(NEW_REPOSITORY, 'buildcache', 'cache');
    for (const revision of [1, 2]) this.registry.push(LEGACY_A, String(revision), `old${revision}`);
  }

  /** What is left when everything went well. */
  static readonly kept = [
    `${NEW_REPOSITORY}:${A}-3`,
    `${NEW_REPOSITORY}:${A}-4`,
    `${NEW_REPOSITORY}:${B}-1`,
    `${NEW_REPOSITORY}:${B}-2`,
    `${NEW_REPOSITORY}:${C}-1`,
    `${NEW_REPOSITORY}:buildcache`,
  ].sort();

  get record(): RunRecord {
    return this.disk.latest.record;
  }

  async clean(flags: RawOptions = {}, prepare: (program: Program) => void = () => {}): Promise<Ending> {
    const program = this.start(flags);
    prepare(program);
    const { tally } = program;
    try {
      const { failed } = await clean(program.world, tally);
      return { program, error: undefined, failed, figures: tally.figures() };
    } catch (error) {
      return { program, error, failed: undefined, figures: tally.figures() };
    } finally {
      // The program has ended, whatever it could still do.
      this.lease.fate = 'dead';
    }
  }

  /** Fails with the error of a start that was expected to go well. */
  async cleanly(flags: RawOptions, prepare?: (program: Program) => void): Promise<Ending> {
    const ending = await this.clean(flags, prepare);
    if (ending.error !== undefined) throw ending.error;
    return ending;
  }

  tagsLeft(): string[] {
    return this.registry.dump().map((line) => line.split(' ')[0] ?? '');
  }

  /** Nothing in the registry or in the cluster differs from what it was. */
  assertUntouched(tags: readonly string[]): void {
    assert.deepEqual(this.tagsLeft(), tags);
    assert.deepEqual(this.workload.patches, []);
    this.assertPutBack();
  }

  /** The registry's workload is as before, and runs; no pod is left. */
  assertPutBack(): void {
    assert.deepEqual(this.workload.snapshot(), this.pristine);
    assert.equal(this.workload.isUp(), true);
    assert.equal(this.pod.owner, undefined);
    assert.equal(this.lease.record, undefined);
  }

  /** A run is over, and its figures add up. */
  assertAddsUp({ planned, deleted, alreadyGone, failed, drifted }: Figures): void {
    assert.equal(planned, deleted + alreadyGone + failed + drifted);
  }
}
