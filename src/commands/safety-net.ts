/** The one place that makes sure that what a run has changed is put back, however the run ends. */
import { CleanerError, InterruptedError, RestoreError, WindowOverError } from '../domain/errors.ts';
import { countFigures } from '../domain/outcome.ts';
import type { Person, StepView } from '../ports.ts';
import type { Context } from '../steps/context.ts';
import { safety, view } from '../steps/index.ts';

/**
 * Runs `work`; then, whatever became of it, the steps that put everything back. Rejects with what weighs most: a
 * setting that could not be put back, then the work's own failure.
 */
export async function withSafetyNet(context: Context, work: () => Promise<void>): Promise<void> {
  const { person, signal, window } = context;
  await inSafetyNet({
    ...{ person, signal, work },
    over: () => window?.workIsOver(),
    steps() {
      const safetyContext: Context = { ...context, signal: context.uninterrupted };
      const nothingChanged =
        context.run.record.stage === 'deleting' ? undefined : 'the registry was not changed by this run';
      return safety.map((step) =>
        view(step, safetyContext, step.key === 'disable-delete' ? nothingChanged : undefined),
      );
    },
    told: (error) => resumable(context, error),
  });
}

/** The same for whatever changes something and has steps that put it back. */
export async function inSafetyNet(given: {
  readonly person: Person;
  /** What ends the work. The steps that put everything back must not end with it. */
  readonly signal: AbortSignal;
  readonly work: () => Promise<void>;
  /** Called when the work has ended, however it did. */
  readonly over?: () => void;
  /** What puts everything back, as things are when the work has ended. */
  readonly steps: () => readonly StepView[];
  /** An error as it is to be told. */
  readonly told: (error: unknown) => unknown;
}): Promise<void> {
  const { person, signal } = given;
  const errors: unknown[] = [];
  await given.work().catch((error: unknown) => void errors.push(error));
  given.over?.();
  const [failure] = errors;
  if (failure instanceof InterruptedError || failure instanceof WindowOverError)
    person.say(`\n${failure.message} Leaving everything as it was before …`);
  await runEach(person, given.steps()).catch((error: unknown) => void errors.push(error));
  // A signal that came only now has kept nothing from being put back; but who sent it is told that it was seen.
  // A window that was over only when all was done is no matter.
  const { aborted, reason } = signal;
  if (failure === undefined && aborted && !(reason instanceof WindowOverError)) errors.push(reason);
  throwHeaviest(person, errors.map(given.told));
}

/** From here on there is a run to go on with, which what ended the work cannot know. */
function resumable({ run, plans, outcomes, window }: Context, error: unknown): unknown {
  if (error instanceof WindowOverError)
    return window?.tell(run.record, countFigures([...plans.values()], outcomes)) ?? error;
  if (!(error instanceof InterruptedError)) return error;
  return new InterruptedError(error.signal, { next: 'Go on with: npm run clean -- --resume' });
}

/** Runs every step, also after one that has failed; then rejects with the failure that weighs most. */
export async function runEach(person: Person, steps: readonly StepView[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) await person.steps([step]).catch((error: unknown) => void errors.push(error));
  throwHeaviest(person, errors);
}

/** A setting that could not be put back outranks everything; what is not thrown is told. */
function throwHeaviest(person: Person, errors: readonly unknown[]): void {
  const heaviest = errors.find((error) => error instanceof RestoreError) ?? errors[0];
  for (const error of errors) if (error !== heaviest) person.warn(explain(error));
  if (heaviest !== undefined) throw heaviest;
}

function explain(error: unknown): string {
  if (!(error instanceof CleanerError)) return `a defect of the program: ${String(error)}`;
  return error.next === '' ? error.message : `${error.message} ${error.next}`;
}
