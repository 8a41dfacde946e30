/** Commands in the Skopeo pod, over exec. */
import type { RegistryFailure } from '../../domain/errors.ts';
import type { Shell, ShellSession, SkopeoPodPort } from '../../ports.ts';
import type { Endpoint } from './endpoint.ts';
import { execSession } from './exec-session.ts';
import { CONTAINER_NAME, POD_NAME } from './pod-manifest.ts';
import { execTarget } from './pod-requests.ts';
import { asRegistryError } from './registry-error.ts';
import { targetPath } from './target.ts';
import { createSocket, opened } from './web-socket.ts';

/** v5 differs in that it can end standard input, which is not needed here: both are as good. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

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
    const url = endpoint.url(`${targetPath(target)}?${execQuery(argv)}`);
    const socket = createSocket(url, { protocols: PROTOCOLS, connection });
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
        throw asRegistryError(error);
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
