/** Puts the registry's setting back exactly as it was. Belongs to the safety net: it runs however the run ends. */
import type { Step } from './context.ts';
import { awaitDeletionState } from './deletion-probe.ts';
import { NOTHING_CHANGED, restoreSettings } from './restore-settings.ts';

export const disableDelete: Step = {
  key: 'disable-delete',

  async run(context, progress) {
    const note = await restoreSettings(context, progress);
    // Going read-only has put it back.
    if (note === NOTHING_CHANGED && context.reclaim) return 'it was put back before';
    if (note !== undefined) return note;
    const state = await awaitDeletionState(context, 'disabled', progress).catch(() => 'unknown');
    if (state === 'enabled')
      context.person.warn(
        'The setting is as before, but the registry still lets manifests be deleted. Look at its pods.',
      );
    return undefined;
  },
};
