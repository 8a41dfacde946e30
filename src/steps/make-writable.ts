/**
 * Makes the registry writable again, exactly as it was, when it is proved that no garbage collector lives. The restart
 * empties its cache, which still believes in the blobs that are gone (distribution issue 1803). Belongs to the safety
 * net: it runs however the run ends.
 */
import type { Step } from './context.ts';
import { restoreSettings } from './restore-settings.ts';

export const makeWritable: Step = {
  key: 'make-writable',

  skip({ run }) {
    const { 'make-read-only': before, 'make-writable': since } = run.record.steps;
    if (before === undefined) return 'the registry was not made read-only';
    // By an earlier start.
    return since?.state === 'done' && since.startedAt >= before.startedAt ? 'it is writable' : undefined;
  },

  run: restoreSettings,
};
