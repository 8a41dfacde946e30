/** Makes sure that Skopeo can run beside the registry, and that the registry lets it in. */

import type { Step } from './context.ts';
import { retrying } from './retry.ts';

export const deployPod: Step = {
  key: 'deploy-pod',

  async run({ pod, registry, clock, signal }, progress) {
    progress.status('waiting for the pod to start');
    await pod?.ensure(signal);
    // A pod of this run may have outlived the program that started it, with commands still at work in it.
    await registry.quiesce(signal);
    progress.status('logging in to the registry');
    await retrying(() => registry.check(signal), {
      clock,
      signal,
      attempts: 6,
      onRetry: (error) => progress.status(`the registry does not answer yet: ${error.message}`),
    });
    return pod ? undefined : 'Skopeo runs on this machine';
  },
};
