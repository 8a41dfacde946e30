/** Commands in the Skopeo pod, over exec. */
import { RegistryError, type RegistryFailure } from '../../domain/errors.ts';
import type { Shell, ShellSession, SkopeoPodPort } from '../../ports.ts';
import { ApiError } from './api-error.ts';
import type { Endpoint } from './endpoint.ts';
import { execSession } from './exec-session.ts';
import { createSocket, opened } from './exec-socket.ts';
import { CONTAINER_NAME, POD_NAME } from './pod-manifest.ts';
import { execTarget } from './pod-requests.ts';
import { targetPath } from './target.ts';

export interface PodShellOptions {
  readonly namespace: string;
  readonly handshakeTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** The connection counts as broken when nothing came for so long. */
  readonly silenceLimitMs: number;
}

/**
 * A shell in the run's pod, which is made anew where it has gone or is about to. `open` rejects with what `ensure`
 * rejects with when the pod cannot be had at all, and with a `RegistryError` otherwise.
 */
export function createPodShell(endpoint: Endpoint, pod: SkopeoPodPort, options: PodShellOptions): Shell {
  const target = execTarget(options.namespace);
  const where = `pod ${POD_NAME} in namespace ${options.namespace}`;

  /** The pod may have ended under the command: then another try, in a new pod, can help. */
  async function judgeFailedStart(uid: string, signal: AbortSignal): Promise<RegistryFailure> {
    const now = await pod.find(signal).catch(() => undefined);
    return now?.uid === uid && now.phase === 'Running' && !now.terminating ? 'other' : 'temporary';
  }

  async function connect(argv: readonly string[], signal: AbortSignal): Promise<ShellSession> {
    const { uid } = await pod.ensure(signal);
    const connection = await endpoint.connection(signal);
    const socket = createSocket(endpoint.url(`${targetPath(target)}?${execQuery(argv)}`), connection);
    const { pingIntervalMs, silenceLimitMs, handshakeTimeoutMs: timeoutMs } = options;
    const session = execSession(socket, {
      place: uid,
      where,
      pingIntervalMs,
      silenceLimitMs,
      signal,
      judgeFailedStart: () => judgeFailedStart(uid, signal),
    });
    await opened(socket, { target, place: endpoint.place, timeoutMs, signal });
    return session;
  }

  return {
    async open(argv, signal) {
      try {
        return await connect(argv, signal);
      } catch (error) {
        throw error instanceof ApiError ? asRegistryError(error) : error;
      }
    },
  };
}

function execQuery(argv: readonly string[]): string {
  const query = new URLSearchParams({
    container: CONTAINER_NAME,
    stdin: 'true',
    stdout: 'true',
    stderr: 'true',
  });
  for (const argument of argv) query.append('command', argument);
  return query.toString();
}

/**
 * 404 and 400 are the answers for a pod that has gone, or whose container does not run (any more): the next `open`
 * looks after that.
 */
const FAILURES: Readonly<Record<number, RegistryFailure>> = {
  400: 'temporary',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'temporary',
};

function asRegistryError(error: ApiError): RegistryError {
  const failure = FAILURES[error.status ?? 0] ?? (error.temporary ? 'temporary' : 'other');
  return new RegistryError(error.message, { failure, next: error.next, cause: error });
}
