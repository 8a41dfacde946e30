/** The steps as a listr2 list, for a terminal. */
import { Listr, type ListrTask } from 'listr2';
import { formatDuration } from '../../domain/progress.ts';
import type { Progress, StepView } from '../../ports.ts';

/** Shows the steps on standard output and runs them, up to the first that fails. */
export async function runTaskList(steps: readonly StepView[], progressText: ProgressText): Promise<void> {
  const tasks = steps.map(
    (step): ListrTask => ({
      title: step.title,
      skip: () => (step.skip === undefined ? false : `${step.title}: ${step.skip}`),
      task: async (_context, task) => {
        const startedAt = Date.now();
        const note = await step.run(
          progressText((text) => {
            task.output = text;
          }),
        );
        task.title = closing(step.title, note, Date.now() - startedAt);
      },
    }),
  );
  await new Listr(tasks, {
    renderer: 'default',
    // The program ends by its own signals, through its own safety net; listr2 would end the process.
    registerSignalListeners: false,
    rendererOptions: {
      collapseSubtasks: false,
      collapseSkips: false,
      showErrorMessage: false,
      formatOutput: 'truncate',
    },
  }).run();
}

/** Makes a `Progress` out of a way to show one line. */
export type ProgressText = (show: (text: string) => void) => Progress;

/** `delete (812 tags, 2 min 05 s)`. */
export function closing(title: string, note: string | undefined, durationMs: number): string {
  const parts = [note, durationMs >= 1000 ? formatDuration(durationMs) : undefined].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? title : `${title} (${parts.join('; ')})`;
}
