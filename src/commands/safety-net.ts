/** The one place that makes sure that what a run has changed is put back, however the run ends. */
import { CleanerError, InterruptedError, RestoreError, WindowOverError } from '../domain/errors.ts';
import { countFigures } from '../domain/outcome.ts';
import type { Person, StepView } from '../ports.ts';
import type { Context, Step } from '../steps/context.ts';
import { checking, leaving, restoring, view } from '../steps/index.ts';

/**
 * Runs `work`; then, whatever became of it, the steps that put everything back, and between them, when there is nothing
 * left to put back, the check of what was done. Rejects with what weighs most: a setting that could not be put back, then
 * the work's own failure.
 */
export async function withSafetyNet(context: Context, work: () => Promise<void>): Promise<void> {
  const { person, signal, window } = context;
  const show = (steps: readonly Step[], skip?: string) => {
    // As it is by then: the work has found out what would have to be put back.
    const safetyContext: Context = { ...context, signal: context.uninterrupted };
    return runEach(
      person,
      steps.map((step) => view(step, safetyContext, skip)),
    );
  };
  const isUnchanged = () => context.run.record.stage !== 'deleting';
  await inSafetyNet({
    ...{ person, signal, work },
    over: () => window?.workIsOver(),
    after: [
      () => show(toRestore(context), isUnchanged() ? 'the registry was not changed by this run' : undefined),
      (errors) => check(context, errors),
      () => show(leaving),
    ],
    told: (error) => resumable(context, error),
  });
}

/** Of a registry that no garbage is collected from nothing is said about being writable. */
function toRestore({ reclaim }: Context): readonly Step[] {
  return restoring.filter(({ key }) => key !== 'make-writable' || reclaim !== undefined);
}

/** The same for whatever changes something and has steps that put it back. */
export async function inSafetyNet(given: {
  readonly person: Person;
  /** What ends the work. What puts everything back must not end with it. */
  readonly signal: AbortSignal;
  readonly work: () => Promise<void>;
  /** Called when the work has ended, however it did. */
  readonly over?: () => void;
  /** What is done then, one after the other, each whatever became of those before; it is given their errors. */
  readonly after: readonly ((errors: readonly unknown[]) => Promise<void>)[];
  /** An error as it is to be told. */
  readonly told: (error: unknown) => unknown;
}): Promise<void> {
  const { person, signal } = given;
  const errors: unknown[] = [];
  const collect = (error: unknown) => void errors.push(error);
  await given.work().catch(collect);
  given.over?.();
  const [failure] = errors;
  if (failure instanceof InterruptedError || failure instanceof WindowOverError)
    person.say(`\n${failure.message} Leaving everything as it was before …`);
  for (const next of given.after) await next(errors).catch(collect);
  // A signal that came only now has kept nothing from being put back; but who sent it is told that it was seen.
  // A window that was over only when all was done is no matter.
  const { aborted, reason } = signal;
  if (errors.length === 0 && aborted && !(reason instanceof WindowOverError)) errors.push(reason);
  throwHeaviest(person, errors.map(given.told));
}

/**
 * The check may be ended by a signal, or by the window: everything is put back, and a resume makes it anew. Without it
 * what was to be done is not done.
 */
async function check(context: Context, [failure]: readonly unknown[]): Promise<void> {
  const { person, window, signal } = context;
  const unneeded = whyUnneeded(context);
  const isDue = unneeded === undefined && failure === undefined;
  if (isDue) window?.restored();
  const late: unknown = signal.aborted ? signal.reason : undefined;
  const skip = unneeded ?? whySkipped(failure ?? late);
  try {
    await person.steps(checking.map((step) => view(step, context, skip)));
  } finally {
    window?.workIsOver();
  }
  if (isDue && late !== undefined) throw late;
}

function whyUnneeded(context: Context): string | undefined {
  const { stage } = context.run.record;
  if (stage !== 'deleting' && stage !== 'incomplete') return 'nothing was deleted';
  return checking.map((step) => step.skip?.(context)).find((reason) => reason !== undefined);
}

/** Why what was done cannot be checked; `undefined` when nothing has ended it. */
function whySkipped(end: unknown): string | undefined {
  if (end === undefined) return undefined;
  if (end instanceof RestoreError) return 'the setting could not be put back';
  if (end instanceof InterruptedError) return 'interrupted; --resume makes up for it';
  if (end instanceof WindowOverError) return 'the window is over; --resume makes up for it';
  return 'the run did not come to its end; --resume makes up for it';
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
