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
  const safetyViews = () => {
    const safetyContext: Context = { ...context, signal: context.uninterrupted };
    const nothingChanged =
      context.run.record.stage === 'deleting' ? undefined : 'the registry was not changed by this run';
    return safety
      .filter(({ key }) => key !== 'make-writable' || context.reclaim !== undefined)
      .map((step) => view(step, safetyContext, step.key === 'disable-delete' ? nothingChanged : undefined));
  };
  await endingSafely(
    { ...context, safety: safetyViews, explain: (error) => resumable(context, error) },
    work,
  );
}

interface Safely extends Pick<Context, 'person' | 'window' | 'signal'> {
  /** The steps that put everything back, when the work is over. */
  readonly safety: () => readonly StepView[];
  /** Says of what ended the work how it goes on. */
  readonly explain: (error: unknown) => unknown;
}

/** The same for any work. */
export async function endingSafely(given: Safely, work: () => Promise<void>): Promise<void> {
  const { person, window, signal } = given;
  const errors: unknown[] = [];
  await work().catch((error: unknown) => void errors.push(error));
  window?.workIsOver();
  const [failure] = errors;
  if (failure instanceof InterruptedError || failure instanceof WindowOverError)
    person.say(`\n${failure.message} Leaving everything as it was before …`);
  await runEach(person, given.safety()).catch((error: unknown) => void errors.push(error));
  // A signal that came only now has kept nothing from being put back; but who sent it is told that it was seen.
  // A window that was over only when all was done is no matter.
  const { aborted, reason } = signal;
  if (failure === undefined && aborted && !(reason instanceof WindowOverError)) errors.push(reason);
  throwHeaviest(
    person,
    errors.map((error) => given.explain(error)),
  );
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
