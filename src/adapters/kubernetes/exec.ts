/** Starting a command in a container of a pod. */
import type { ShellSession } from '../../ports.ts';
import { authenticated, type Endpoint } from './endpoint.ts';
import { type ExecSessionOptions, execSession } from './exec-session.ts';
import type { Watch } from './keep-alive.ts';
import { type Target, targetPath } from './target.ts';
import { createSocket, opened } from './web-socket.ts';

/** v5 differs in that it can end standard input, which is not needed here: both are as good. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

/** How an exec's connection is watched. */
export interface ExecTimes extends Watch {
  readonly handshakeTimeoutMs: number;
}

interface Exec extends ExecTimes, ExecSessionOptions {
  readonly target: Target;
  readonly container: string;
}

/** Rejects with an `ApiError` when the API server refuses, and with the signal's reason. */
export async function startExec(endpoint: Endpoint, exec: Exec): Promise<ShellSession> {
  const { target, signal, handshakeTimeoutMs: timeoutMs } = exec;
  const url = endpoint.url(`${targetPath(target)}?${query(exec)}`);
  return authenticated(endpoint, signal, async (connection) => {
    const socket = createSocket(url, { protocols: PROTOCOLS, connection });
    const session = execSession(socket, exec);
    await opened(socket, { target, place: endpoint.place, timeoutMs, signal });
    return session;
  });
}

function query({ container, argv }: Exec): string {
  const parameters = new URLSearchParams({ container, stdin: 'true', stdout: 'true', stderr: 'true' });
  for (const argument of argv) parameters.append('command', argument);
  return parameters.toString();
}
