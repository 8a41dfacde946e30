/** Makes sure that the pod runs through which the registry is reached, and that the registry lets it in. */
import type { Step } from './context.ts';
import { reachRegistry } from './reach.ts';

export const deployPod: Step = {
  key: 'deploy-pod',

  skip: ({ pod, settings }) => (pod ? undefined : noPod(settings)),

  async run(context, progress) {
    await reachRegistry(context, progress);
    return undefined;
  },
};

/** Why there is none. */
export function noPod({ via, localSkopeo }: { via: string; localSkopeo: boolean }): string {
  return localSkopeo ? 'Skopeo runs on this machine' : `--via ${via} needs none`;
}
