/** What a step says of itself, in a line. */
import { formatDuration } from '../../domain/progress.ts';
import type { Progress } from '../../ports.ts';

/** Makes a `Progress` out of a way to show one line. */
export type ProgressText = (show: (text: string) => void) => Progress;

/** `delete (812 tags; 2 min 05 s)`. */
export function closing(title: string, note: string | undefined, durationMs: number): string {
  const parts = [note, durationMs >= 1000 ? formatDuration(durationMs) : undefined].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? title : `${title} (${parts.join('; ')})`;
}
