import { WebSocketServer } from 'ws';
import { Armed } from '../armed.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Pod } from '../cluster/objects.ts';
import { CommandNotStarted } from '../runtime/runtime.ts';
import { Sessions } from './cut.ts';
import { ExecSession } from './exec-session.ts';
import { accept, type Handshake, offeredProtocols } from './handshake.ts';
import type { Target } from './resources.ts';
import { type ApiError, badRequest, internalError } from './status.ts';
import { present } from './write.ts';

/** An exec as its query asks for it. */
interface ExecOptions {
  readonly container: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
}

/** Execs that are not to start. */
interface ArmedRefusal {
  readonly podPrefix: string;
  readonly times: number;
  readonly message: string;
}

/** Runs commands in pods over WebSockets. */
export class ExecServer {
  readonly sessions = new Sessions();
  readonly refusals = new Armed<ArmedRefusal>();
  readonly #cluster: Cluster;
  readonly #sockets: WebSocketServer;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const spoken = cluster.settings.execV5
      ? ['v5.channel.k8s.io', 'v4.channel.k8s.io']
      : ['v4.channel.k8s.io'];
    this.#sockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => spoken.find((protocol) => offered.has(protocol)) ?? false,
    });
  }

  /**
   * Answers a request for an exec.
   *
   * @throws {ApiError} when the handshake itself is to be refused
   */
  async upgrade(target: Target, query: URLSearchParams, handshake: Handshake): Promise<void> {
    const pod = present(this.#cluster, target) as Pod;
    const options = execOptions(pod, query);
    const protocols = offeredProtocols(handshake);
    const v5 = this.#cluster.settings.execV5 && protocols.includes('v5.channel.k8s.io');
    if (!v5 && !protocols.includes('v4.channel.k8s.io')) {
      throw badRequest(
        `unable to upgrade: unable to negotiate protocol: client supports [${protocols.join(' ')}]`,
      );
    }
    const refused = this.refusals.take(({ podPrefix }) => pod.metadata.name.startsWith(podPrefix));
    const container = refused ? undefined : this.#cluster.kubelet.container(pod, options.container);
    const refusal = internalError(
      refused?.message ??
        `unable to upgrade connection: container not found (${JSON.stringify(options.container)})`,
    );
    // Up to v4 the kubelet's refusal is the handshake's; since v5 the API server stands in between.
    if (container === undefined && !v5) throw refusal;
    const socket = await accept(this.#sockets, handshake);
    const session = new ExecSession(socket, {
      podName: pod.metadata.name,
      cut: this.sessions.takeCut(pod.metadata.name),
    });
    this.sessions.add(session);
    socket.once('close', () => this.sessions.delete(session));
    if (container === undefined) return session.finish(refusal.status);
    try {
      await session.run(await container.exec(options.command), { stdin: options.stdin, v5 });
    } catch (error) {
      session.finish(cannotStart(error as Error).status);
    }
  }
}

function execOptions({ metadata, spec }: Pod, query: URLSearchParams): ExecOptions {
  const container = query.get('container') ?? spec.containers[0]?.name ?? '';
  if (!spec.containers.some(({ name }) => name === container)) {
    throw badRequest(`container ${container} is not valid for pod ${metadata.name}`);
  }
  if (spec.nodeName === undefined) throw badRequest(`pod ${metadata.name} does not have a host assigned`);
  const command = query.getAll('command');
  if (command.length === 0) throw badRequest('you must specify at least one command');
  if (query.get('tty') === 'true') throw badRequest('the sandbox has no terminals: exec without a tty');
  return { container, command, stdin: query.get('stdin') === 'true' };
}

function cannotStart(error: Error): ApiError {
  if (!(error instanceof CommandNotStarted)) return internalError(error.message);
  return internalError(
    `error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: ${error.message}: unknown`,
  );
}
