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
