/** How far a step has come, in a line. */
import { formatDuration, remainingMs } from '../../domain/progress.ts';
import { plainText } from '../../domain/text.ts';
import type { ProgressText } from './step-text.ts';

/**
 * `312 of 830 tags, about 2 min 05 s left; 12 min 30 s of the window left`.
 *
 * @param endsAtMs when everything has to be over, in milliseconds since 1970
 */
export function progressText({ endsAtMs }: { readonly endsAtMs: number | undefined }): ProgressText {
  const withWindow = (text: string) => {
    if (endsAtMs === undefined) return text;
    return `${text}; ${formatDuration(endsAtMs - Date.now())} of the window left`;
  };
  return (show) => {
    let phase: { readonly text: string | undefined; readonly startedAt: number } | undefined;
    return {
      status: (text) => show(withWindow(plainText(text, 300))),
      update: ({ done, total, text }) => {
        // What a step does first says nothing about how long it takes to do what comes next.
        if (phase === undefined || phase.text !== text) phase = { text, startedAt: Date.now() };
        const leftMs = remainingMs({ done, total, elapsedMs: Date.now() - phase.startedAt });
        const left = leftMs === undefined || done >= total ? '' : `, about ${formatDuration(leftMs)} left`;
        show(withWindow(`${done} of ${total}${text === undefined ? '' : ` ${text}`}${left}`));
      },
    };
  };
}
