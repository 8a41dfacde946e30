/** Commands inside the registry's own pods, over exec. */
import type { RegistryPlace, ShellSession } from '../../ports.ts';
import type { Endpoint } from './endpoint.ts';
import { type ExecTimes, startExec } from './exec.ts';
import { execTarget } from './pod-requests.ts';
import { asRegistryError } from './registry-error.ts';

export interface RegistryShellOptions extends ExecTimes {
  readonly namespace: string;
}

/** How a command has ended, and what it has printed. */
export interface CommandResult {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

export interface RegistryShell {
  /** Starts a command. Rejects with a `RegistryError`. */
  open(place: RegistryPlace, argv: readonly string[], signal: AbortSignal): Promise<ShellSession>;
  /** Runs a command to its end. Rejects with a `RegistryError`, also when the connection broke before that. */
  run(place: RegistryPlace, argv: readonly string[], signal: AbortSignal): Promise<CommandResult>;
}

export function createRegistryShell(endpoint: Endpoint, options: RegistryShellOptions): RegistryShell {
  const { namespace } = options;

  async function open({ pod, container }: RegistryPlace, argv: readonly string[], signal: AbortSignal) {
    try {
      return await startExec(endpoint, {
        ...options,
        target: execTarget(namespace, pod.name),
        container,
        argv,
        place: pod.uid,
        where: `container ${container} of pod ${pod.name} in namespace ${namespace}`,
        signal,
      });
    } catch (error) {
      throw asRegistryError(error);
    }
  }

  return {
    open,
    async run(place, argv, signal) {
      const session = await open(place, argv, signal);
      let output = '';
      for await (const chunk of session.output) output += chunk.toString('utf8');
      return { status: await session.exit, output, errors: session.errors() };
    },
  };
}
