/** A run in the middle of a world of fakes, for the tests of single steps. */
import { Outcomes } from '../../src/domain/outcome.ts';
import type { RepositoryPlan } from '../../src/domain/plan.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import type { EnvEntry } from '../../src/domain/workload.ts';
import type { RunHandle } from '../../src/ports.ts';
import type { Context, Step } from '../../src/steps/context.ts';
import { ImagesInUse } from '../../src/steps/in-use.ts';
import { listLegacy } from '../../src/steps/list-legacy.ts';
import { listNew } from '../../src/steps/list-new.ts';
import { FakePerson } from '../support/fakes/person.ts';
import { FakeWorld, options } from '../support/fakes/world.ts';

export const RUN = '20261123T100000Z-0000aa';

export class Scene extends FakeWorld {
  readonly person = new FakePerson();
  readonly outcomes = new Outcomes();
  readonly plans = new Map<string, RepositoryPlan>();
  context!: Context;
  run!: RunHandle;
  readonly #work = new AbortController();

  /** Begins a run for these environments. Deletion is enabled unless the steps that enable it are what is tested. */
  async begin(record: Pick<RunRecord, 'environments'> & Partial<RunRecord>): Promise<this> {
    this.run = await this.disk.open().create({
      schema: 1,
      id: RUN,
      startedAt: '2026-11-23T10:00:00.000Z',
      stage: 'reviewed',
      deleting: true,
      confirmed: true,
      allowAbsent: false,
      steps: {},
      ...record,
    });
    this.context = {
      settings: {
        ...options({ concurrency: '8' }),
        operator: 'ann@laptop',
        context: 'prod',
        recover: 'npm run clean -- recover',
        container: { name: undefined, port: 5000 },
      },
      environments: record.environments,
      run: this.run,
      registry: this.registry,
      pod: this.pod.port(RUN),
      workload: this.workload,
      collector: this.collector,
      reclaim: undefined,
      lease: this.context?.lease ?? (await this.lease.port(RUN).acquire({ status() {} }, this.#work.signal)),
      imagesInUse: new ImagesInUse({
        port: this.imagesInUse,
        known: [],
        maySeeLess: false,
        clock: this.clock,
        signal: this.#work.signal,
      }),
      person: this.person,
      clock: this.clock,
      window: undefined,
      signal: this.#work.signal,
      uninterrupted: new AbortController().signal,
      manualRestore: undefined,
      plans: this.plans,
      reviewed: new Map(),
      verification: undefined,
      imageSizes: undefined,
      outcomes: this.outcomes,
      plannedAtMs: this.clock.now(),
    };
    return this;
  }

  /** Lists both schemes, which makes the plan. */
  async list(): Promise<void> {
    await this.step(listNew);
    await this.step(listLegacy);
  }

  step(step: Step): Promise<string | undefined> {
    return step.run(this.context, this.person.progress);
  }

  interrupt(reason: Error): void {
    this.#work.abort(reason);
  }

  /** The outcome of every tag that has one, with its reason where there is one. */
  outcomesByTag(): Record<string, string> {
    const entries = (['deleted', 'alreadyGone', 'failed', 'drifted'] as const).flatMap((outcome) =>
      this.outcomes.with(outcome),
    );
    return Object.fromEntries(
      entries.map(({ tag, outcome }) => [tag, outcome] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  /** The journal as it is on disk. */
  journal(): string[] {
    return this.disk.latest.journal.map(({ tag, outcome }) => `${tag} ${outcome}`);
  }
}

/** A scene in which the registry deletes, as it does between the steps that enable and disable it. */
export function deletingScene(): Scene {
  const enabled: EnvEntry[] = [{ name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'true' }];
  return new Scene(enabled);
}
