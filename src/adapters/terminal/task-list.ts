/** The steps as a listr2 list, for a terminal. */
import { Listr, type ListrTask } from 'listr2';
import type { StepView } from '../../ports.ts';
import { closing, type ProgressText } from './step-text.ts';

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
