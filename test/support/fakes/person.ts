/** A person who writes everything down, and answers questions as told. */
import type { Review } from '../../../src/domain/review.ts';
import type { ScanReport } from '../../../src/domain/scan.ts';
import type { Person, Progress, ReviewCircumstances, StepView } from '../../../src/ports.ts';

export class FakePerson implements Person {
  present = false;
  /** What is typed at a question; without it a question is unexpected. */
  answer: string | undefined;
  /** Called before each step that runs. */
  before: (step: string) => void = () => {};
  readonly said: string[] = [];
  readonly warnings: string[] = [];
  readonly statuses: string[] = [];
  readonly events: object[] = [];
  readonly scans: ScanReport[] = [];
  readonly questions: string[] = [];
  readonly reviews: { readonly review: Review; readonly circumstances: ReviewCircumstances }[] = [];
  /** Every step that was shown: `delete: done`, `teardown: skipped (…)`. */
  readonly shown: string[] = [];

  async steps(steps: readonly StepView[]): Promise<void> {
    for (const step of steps) {
      if (step.skip !== undefined) {
        this.shown.push(`${step.key}: skipped (${step.skip})`);
        continue;
      }
      this.before(step.key);
      try {
        const note = await step.run(this.progress);
        this.shown.push(`${step.key}: ${note ?? 'done'}`);
      } catch (error) {
        this.shown.push(`${step.key}: failed`);
        throw error;
      }
    }
  }

  readonly progress: Progress = {
    update() {},
    status: (text) => void this.statuses.push(text),
  };

  say(text: string): void {
    this.said.push(text);
  }

  warn(text: string): void {
    this.warnings.push(text);
  }

  event(event: object): void {
    this.events.push(event);
  }

  review(review: Review, circumstances: ReviewCircumstances): void {
    this.reviews.push({ review, circumstances });
  }

  scan(report: ScanReport): void {
    this.scans.push(report);
  }

  closing(): void {}

  closingUndo(): void {}

  async confirm(question: string, expected: string): Promise<boolean> {
    if (this.answer === undefined) throw new Error(`unexpected question: ${question}`);
    this.questions.push(question);
    return this.answer === expected;
  }
}
