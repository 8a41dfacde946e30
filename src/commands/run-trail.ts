/** What the audit trail and the record of a run say of its begin and its end, however that comes about. */
import { messageOf } from '../domain/errors.ts';
import { type Binding, moveTo, type RunFigures, type Stage } from '../domain/run.ts';
import { verifyFigures } from '../domain/verify.ts';
import type { RunHandle } from '../ports.ts';
import { noteInTrail, noteLast } from '../steps/trail.ts';
import type { Tally, World } from './world.ts';

export class RunTrail {
  readonly #world: World;
  readonly #tally: Tally;
  #run: RunHandle | undefined;

  constructor(world: World, tally: Tally) {
    this.#world = world;
    this.#tally = tally;
  }

  /** The run has begun, or is gone on with. */
  begin(run: RunHandle, given: { readonly resumed: boolean; readonly binding: Binding }): void {
    const { clock, operator } = this.#world;
    const { context, registry } = given.binding;
    const { deleting } = run.record;
    this.#run = run;
    noteInTrail(
      { run, clock },
      { event: 'start', by: operator, context, registry, deleting, resumed: given.resumed },
    );
  }

  async moveTo(stage: Stage): Promise<void> {
    await this.#run?.update((record) => moveTo(record, stage));
  }

  /** Notes how `work` has ended, once there is a run. */
  async toItsEnd<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      await this.#end(undefined);
      return result;
    } catch (error) {
      // What ended the work weighs more than that it could not be written down.
      await this.#end(error).catch(() => {});
      throw error;
    }
  }

  async #end(error: unknown): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    await run.update((record) => ({ ...record, figures: this.#figures() }));
    const reason = error === undefined ? {} : { reason: messageOf(error) };
    await noteLast({ run, clock: this.#world.clock }, { event: 'end', stage: run.record.stage, ...reason });
  }

  #figures(): RunFigures {
    const { planned, deleted, alreadyGone, failed, drifted } = this.#tally.figures();
    return { planned, deleted, alreadyGone, failed, drifted, ...verifyFigures(this.#tally.verification()) };
  }
}
