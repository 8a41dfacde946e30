/** The steps as a listr2 list, for a terminal. */
import { Listr, type ListrTask } from 'listr2';
import type { StepView } from '../../ports.ts';
import { closing, type ProgressText } from './step-text.ts';

export interface TaskList {
  /** Shows the steps on standard output and runs them, up to the first that fails. */
  run(): Promise<void>;
  /**
   * Says something while they run, behind the title of the step that does: a line of its own would be held back until
   * the whole list is done. `false` when no step runs.
   */
  say(text: string): boolean;
}

export function createTaskList(steps: readonly StepView[], progressText: ProgressText): TaskList {
  let running: { readonly step: StepView; readonly task: { title?: string | undefined } } | undefined;
  const tasks = steps.map(
    (step): ListrTask => ({
      title: step.title,
      skip: () => (step.skip === undefined ? false : `${step.title}: ${step.skip}`),
      task: async (_context, task) => {
        const startedAt = Date.now();
        running = { step, task };
        try {
          const note = await step.run(
            progressText((text) => {
              task.output = text;
            }),
          );
          task.title = closing(step.title, note, Date.now() - startedAt);
        } catch (error) {
          task.title = step.title;
          throw error;
        } finally {
          running = undefined;
        }
      },
    }),
  );
  const list = new Listr(tasks, {
    renderer: 'default',
    // The program ends by its own signals, through its own safety net; listr2 would end the process.
    registerSignalListeners: false,
    rendererOptions: {
      collapseSubtasks: false,
      showErrorMessage: false,
      formatOutput: 'truncate',
    },
  });
  return {
    async run() {
      await list.run();
    },
    say(text) {
      if (running === undefined) return false;
      running.task.title = `${running.step.title}: ${text}`;
      return true;
    },
  };
}
