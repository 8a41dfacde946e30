/** Commands in the Skopeo pod, over exec. */
import type { Shell, ShellSession, SkopeoPodPort } from '../../ports.ts';
import type { Endpoint } from './endpoint.ts';
import { type ExecTimes, startExec } from './exec.ts';
import { CONTAINER_NAME, POD_NAME } from './pod-manifest.ts';
import { execTarget } from './pod-requests.ts';
import { asRegistryError } from './registry-error.ts';

export interface PodShellOptions extends ExecTimes {
  readonly namespace: string;
}

/**
 * A shell in the run's pod, which is made anew where it has gone or is about to. `open` rejects with what `ensure`
 * rejects with when the pod cannot be had at all, and with a `RegistryError` otherwise.
 */
export function createPodShell(endpoint: Endpoint, pod: SkopeoPodPort, options: PodShellOptions): Shell {
  const target = execTarget(options.namespace);
  const where = `pod ${POD_NAME} in namespace ${options.namespace}`;

  async function connect(argv: readonly string[], signal: AbortSignal): Promise<ShellSession> {
    const { uid } = await pod.ensure(signal);
    return await startExec(endpoint, {
      ...options,
      target,
      container: CONTAINER_NAME,
      argv,
      place: uid,
      where,
      signal,
    });
  }

  return {
    async open(argv, signal) {
      try {
        return await connect(argv, signal);
      } catch (error) {
        throw asRegistryError(error);
      }
    },
  };
}
