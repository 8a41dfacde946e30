/** Deletes the pod. Belongs to the safety net: it runs however the run ends. */
import type { Step } from './context.ts';

export const teardown: Step = {
  key: 'teardown',

  skip: ({ pod }) => (pod ? undefined : 'there is no pod: Skopeo runs on this machine'),

  async run({ pod, registry, signal }) {
    await registry.close();
    return (await pod?.remove(signal)) ? undefined : 'the pod was gone already';
  },
};
