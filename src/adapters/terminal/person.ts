/** The person in front of the program: a list in a terminal, plain lines elsewhere, JSON lines for a machine. */
import { createInterface } from 'node:readline/promises';
import type { Summary } from '../../domain/outcome.ts';
import type { Review } from '../../domain/review.ts';
import type { ScanReport } from '../../domain/scan.ts';
import { plainText } from '../../domain/text.ts';
import type { UndoEntry, UndoSummary } from '../../domain/undo.ts';
import type { ClosingCircumstances, Person, Progress, ReviewCircumstances, StepView } from '../../ports.ts';
import { renderClosing, renderUndo } from './closing.ts';
import { progressText } from './progress-text.ts';
import { renderReview } from './review-table.ts';
import { renderScan } from './scan-table.ts';
import { closing, type ProgressText } from './step-text.ts';
import type { TaskList } from './task-list.ts';

/** Plain lines of progress come no more often than this. */
const PLAIN_PROGRESS_EVERY_MS = 5000;
/** Machines get progress more often, but not for every tag. */
const EVENT_EVERY_MS = 500;
const DEFAULT_WIDTH = 100;

export interface PersonOptions {
  readonly output: 'text' | 'json';
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** When everything has to be over, in milliseconds since 1970; `undefined` without such a time. */
  readonly endsAtMs: number | undefined;
  /** Ends a question that is still open. */
  readonly signal: AbortSignal;
  /** Ctrl+C at a question: the terminal gives it as a key then, and the system sends no signal. */
  readonly interrupt: () => void;
}

export function createPerson(options: PersonOptions): Person {
  return new TerminalPerson(options);
}

class TerminalPerson implements Person {
  readonly #options: PersonOptions;
  /** Where text for people goes. */
  readonly #text: NodeJS.WriteStream;
  readonly #progressText: ProgressText;
  /** The list that is on the screen at the moment. */
  #list: TaskList | undefined;

  constructor(options: PersonOptions) {
    this.#options = options;
    this.#text = options.output === 'json' ? options.stderr : options.stdout;
    this.#progressText = progressText(options);
  }

  get present(): boolean {
    return this.#options.stdin.isTTY === true && this.#text.isTTY === true;
  }

  say(text: string): void {
    if (this.#list?.say(text)) return;
    this.#text.write(`${text}\n`);
  }

  warn(text: string): void {
    this.event({ event: 'warning', text });
    this.#options.stderr.write(`Warning: ${text}\n`);
  }

  event(event: Readonly<Record<string, unknown>> & { readonly event: string }): void {
    if (this.#options.output === 'json') this.#options.stdout.write(`${JSON.stringify(event)}\n`);
  }

  review(review: Review, circumstances: ReviewCircumstances): void {
    this.event({ event: 'review', ...circumstances, ...review });
    this.say(`\n${renderReview(review, circumstances, this.#text.columns || DEFAULT_WIDTH)}\n`);
  }

  scan(report: ScanReport): void {
    this.event({ event: 'scan', ...report });
    this.say(`\n${renderScan(report, this.#text.columns || DEFAULT_WIDTH)}\n`);
  }

  closing(summary: Summary, given: ClosingCircumstances): void {
    this.say(`\n${renderClosing(summary, given)}`);
  }

  closingUndo(summary: UndoSummary, entries: readonly UndoEntry[]): void {
    if (summary.run !== '') this.say(`\n${renderUndo(summary, entries)}`);
  }

  async confirm(question: string, expected: string): Promise<boolean> {
    const prompt = createInterface({ input: this.#options.stdin, output: this.#text });
    prompt.on('SIGINT', this.#options.interrupt);
    try {
      const answer = prompt.question(question, { signal: this.#options.signal });
      // The end of the input, or a terminal that has gone, is an answer too: no.
      const closed = new Promise<string>((resolve) => {
        for (const end of ['close', 'error']) prompt.once(end, () => resolve(''));
      });
      return (await Promise.race([answer, closed])).trim() === expected;
    } catch (error) {
      // Whatever made the question end, the signal's reason is the better answer.
      this.#options.signal.throwIfAborted();
      throw error;
    } finally {
      prompt.close();
    }
  }

  async steps(steps: readonly StepView[]): Promise<void> {
    const announced = steps.map((step) => this.#announced(step));
    if (this.#options.output === 'text' && canRedraw(this.#text)) await this.#stepsInList(announced);
    else for (const step of announced) await this.#plainStep(step);
  }

  async #stepsInList(steps: readonly StepView[]): Promise<void> {
    // Loaded late: `--help` and bad input do not need it.
    const { createTaskList } = await import('./task-list.ts');
    this.#list = createTaskList(steps, this.#progressText);
    try {
      await this.#list.run();
    } finally {
      this.#list = undefined;
    }
  }

  async #plainStep(step: StepView): Promise<void> {
    if (step.skip !== undefined) {
      await step.run(noProgress);
      return this.say(`- ${step.title}: skipped (${step.skip})`);
    }
    this.say(`- ${step.title} …`);
    const startedAt = Date.now();
    let lastAt = startedAt;
    const progress = this.#progressText((text) => {
      if (Date.now() - lastAt < PLAIN_PROGRESS_EVERY_MS) return;
      lastAt = Date.now();
      this.say(`    ${text}`);
    });
    try {
      const note = await step.run(progress);
      this.say(`  ${closing(`${step.title}: done`, note, Date.now() - startedAt)}`);
    } catch (error) {
      this.say(`  ${step.title}: FAILED`);
      throw error;
    }
  }

  /** The same step, which also tells a machine how it goes. */
  #announced(step: StepView): StepView {
    const tell = (state: string, more: object = {}) =>
      this.event({ event: 'step', step: step.key, title: step.title, state, ...more });
    return {
      ...step,
      run: async (progress) => {
        if (step.skip !== undefined) {
          tell('skipped', { reason: step.skip });
          return undefined;
        }
        tell('started');
        try {
          const note = await step.run(this.#withEvents(step, progress));
          tell('done', note === undefined ? {} : { note });
          return note;
        } catch (error) {
          tell('failed', { reason: error instanceof Error ? plainText(error.message) : '' });
          throw error;
        }
      },
    };
  }

  #timeLeft(): { secondsLeft?: number } {
    const { endsAtMs } = this.#options;
    return endsAtMs === undefined
      ? {}
      : { secondsLeft: Math.max(0, Math.floor((endsAtMs - Date.now()) / 1000)) };
  }

  #withEvents(step: StepView, progress: Progress): Progress {
    let lastAt = 0;
    return {
      status: (text) => progress.status(text),
      update: (now) => {
        progress.update(now);
        if (now.done < now.total && Date.now() - lastAt < EVENT_EVERY_MS) return;
        lastAt = Date.now();
        this.event({ event: 'progress', step: step.key, ...now, ...this.#timeLeft() });
      },
    };
  }
}

/** A terminal that does not know its size, as some remote ones, would be shown nothing of a list, a dumb one gibberish. */
function canRedraw(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.columns > 0 && process.env.TERM !== 'dumb';
}

const noProgress: Progress = { update() {}, status() {} };
