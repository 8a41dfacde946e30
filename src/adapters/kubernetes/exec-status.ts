/** The last message of an exec: a Status object that tells how the command ended. */
import type { V1Status } from '@kubernetes/client-node';
import { plainText } from '../../domain/text.ts';

export type ExecOutcome =
  | { readonly kind: 'exited'; readonly exitCode: number }
  /** The command was never started. */
  | { readonly kind: 'failed'; readonly message: string };

/** A Failure without an exit code (`details.causes`, reason `ExitCode`) is a command that could not be started. */
export function parseOutcome(text: string): ExecOutcome {
  const status = parseStatus(text);
  if (status?.status === 'Success') return { kind: 'exited', exitCode: 0 };
  const cause = status?.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  const exitCode = Number.parseInt(cause?.message ?? '', 10);
  if (Number.isInteger(exitCode)) return { kind: 'exited', exitCode };
  return { kind: 'failed', message: plainText(status?.message ?? '') || 'the cluster does not say why' };
}

function parseStatus(text: string): V1Status | undefined {
  try {
    return JSON.parse(text) as V1Status;
  } catch {
    return undefined;
  }
}

/** How runc and crun name a program that is not in the container, or may not be executed there. */
const LACKING = [
  /exec: \\?"([^"\\]+)\\?": (?:executable file not found|(?:stat [^:]+: )?(?:no such file or directory|permission denied))/,
  /exec (\/[^: ]+): (?:no such file or directory|permission denied)/,
  /executable file `([^`]+)` not found/,
];
/** crun's words for one that may not be executed are without its name. */
const NOT_EXECUTABLE = /open executable: (?:Permission denied|Operation not permitted)/;

/**
 * Whether a command did not start because its program is not there, which another try does not change. Whatever else
 * went wrong did so on the way to the program, as where a kubelet restarts, the tunnel to the node is lost, or the node
 * is short of memory. Only the words tell the one from the other.
 */
export function lacksProgram(message: string, program: string): boolean {
  return (
    NOT_EXECUTABLE.test(message) ||
    LACKING.some((words) => `/${words.exec(message)?.[1] ?? ''}`.endsWith(`/${program}`))
  );
}
