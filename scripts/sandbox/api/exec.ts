import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { Armed } from '../armed.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Pod } from '../cluster/objects.ts';
import { CommandNotStarted } from '../runtime/runtime.ts';
import { type Cut, ExecSession } from './exec-session.ts';
import type { Target } from './resources.ts';
import { type ApiError, badRequest, internalError } from './status.ts';
import { present } from './write.ts';

/** An exec as its query asks for it. */
interface ExecOptions {
  readonly container: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
}

/** A cut that waits for its session. */
export interface ArmedCut extends Cut {
  readonly podPrefix: string;
  readonly times: number;
}

/** Runs commands in pods over WebSockets. */
export class ExecServer {
  readonly #cluster: Cluster;
  readonly #sockets: WebSocketServer;
  readonly #sessions = new Set<ExecSession>();
  readonly #cuts = new Armed<ArmedCut>();

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

  /** How many exec sockets are open. */
  get openSockets(): number {
    return this.#sessions.size;
  }

  /** Cuts the sockets of future sessions in mid-stream. */
  arm(cut: ArmedCut): void {
    this.#cuts.arm(cut);
  }

  clear(): void {
    this.#cuts.clear();
  }

  /** Cuts every open socket of pods whose name begins so, now. */
  dropSockets(podPrefix: string): void {
    for (const session of this.#sessions) {
      if (session.podName.startsWith(podPrefix)) session.drop();
    }
  }

  /**
   * Answers a request for an exec.
   *
   * @throws {ApiError} when the handshake itself is to be refused
   */
  async upgrade(target: Target, query: URLSearchParams, handshake: Handshake): Promise<void> {
    const pod = present(this.#cluster, target) as Pod;
    const options = execOptions(pod, query);
    const offered = handshake.message.headers['sec-websocket-protocol'] ?? '';
    const protocols = offered.split(',').map((protocol) => protocol.trim());
    const v5 = this.#cluster.settings.execV5 && protocols.includes('v5.channel.k8s.io');
    if (!v5 && !protocols.includes('v4.channel.k8s.io')) {
      throw badRequest(
        `unable to upgrade: unable to negotiate protocol: client supports [${protocols.join(' ')}]`,
      );
    }
    const container = this.#cluster.kubelet.container(pod, options.container);
    const missing = internalError(
      `unable to upgrade connection: container not found (${JSON.stringify(options.container)})`,
    );
    // Up to v4 the kubelet's refusal is the handshake's; since v5 the API server stands in between.
    if (container === undefined && !v5) throw missing;
    const socket = await this.#accept(handshake);
    const session = new ExecSession(socket, {
      podName: pod.metadata.name,
      cut: this.#cuts.take(({ podPrefix }) => pod.metadata.name.startsWith(podPrefix)),
    });
    this.#sessions.add(session);
    socket.once('close', () => this.#sessions.delete(session));
    if (container === undefined) return session.finish(missing.status);
    try {
      await session.run(await container.exec(options.command), { stdin: options.stdin, v5 });
    } catch (error) {
      session.finish(cannotStart(error as Error).status);
    }
  }

  #accept({ message, socket, head }: Handshake): Promise<WebSocket> {
    return new Promise((resolve) => this.#sockets.handleUpgrade(message, socket, head, resolve));
  }
}

/** The parts of an HTTP request that asks to become a WebSocket. */
export interface Handshake {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
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
