/** Puts the registry's setting back exactly as it was. Belongs to the safety net: it runs however the run ends. */
import { RegistryError } from '../domain/errors.ts';
import type { Step } from './context.ts';
import { restoreSetting } from './restore.ts';
import { retrying } from './retry.ts';

export const disableDelete: Step = {
  key: 'disable-delete',

  async run(context, progress) {
    const { settings, registry, signal, run, person } = context;
    // What still deletes over there must not outlive the setting, nor fail because of it. Whatever goes wrong with it,
    // a defect included, must not keep the setting from being put back.
    await registry.quiesce(signal).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      person.warn(`Could not make sure that nothing is under way in the pod any more: ${reason}`);
    });
    const restored = await restoreSetting({
      ...context,
      ...settings,
      progress,
      manual: context.manualRestore,
      run: run.record.id,
    });
    if (restored === 'nothing') return 'nothing was changed';
    if (restored === 'left') return 'somebody has changed the setting meanwhile; it was left as it is now';
    await retrying(() => registry.check(signal), { ...context, attempts: 5 }).catch((error: unknown) => {
      if (!(error instanceof RegistryError)) throw error;
      person.warn(`The registry is as before, but does not answer yet: ${error.message}`);
    });
    return undefined;
  },
};
