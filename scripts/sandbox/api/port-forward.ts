import { WebSocketServer } from 'ws';
import type { Cluster } from '../cluster/cluster.ts';
import type { Pod } from '../cluster/objects.ts';
import { Sessions } from './cut.ts';
import { accept, type Handshake, offeredProtocols } from './handshake.ts';
import { PortForwardSession } from './port-forward-session.ts';
import type { Target } from './resources.ts';
import { badRequest, KubeletRefusal } from './status.ts';
import { present } from './write.ts';

const protocol = 'v4.channel.k8s.io';

/** Finds the Unix socket behind a port of a pod; undefined if nobody can listen there. */
export type PortFinder = (pod: Pod, port: number) => string | undefined;

/**
 * Forwards ports of pods over WebSockets, as the kubelet does for clients that speak its older protocol
 * (`pkg/kubelet/cri/streaming/portforward/websocket.go`).
 */
export class PortForwardServer {
  readonly sessions = new Sessions();
  readonly #cluster: Cluster;
  readonly #findPort: PortFinder;
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => protocol });

  constructor(cluster: Cluster, findPort: PortFinder) {
    this.#cluster = cluster;
    this.#findPort = findPort;
  }

  /**
   * Answers a request for a port-forward.
   *
   * @throws {ApiError} when the handshake itself is to be refused
   */
  async upgrade(target: Target, query: URLSearchParams, handshake: Handshake): Promise<void> {
    const pod = present(this.#cluster, target) as Pod;
    const { name, namespace, uid = '' } = pod.metadata;
    if (pod.spec.nodeName === undefined) throw badRequest(`pod ${name} does not have a host assigned`);
    const ports = portsOf(query);
    const offered = offeredProtocols(handshake);
    // Neither SPDY's successor `v2.portforward.k8s.io` nor exec's v5 is spoken here.
    if (offered.length > 0 && !offered.includes(protocol)) {
      throw new KubeletRefusal(
        403,
        `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [ ${protocol} v4.base64.channel.k8s.io]`,
      );
    }
    if (pod.status.phase !== 'Running' && pod.status.phase !== 'Pending') {
      throw new KubeletRefusal(500, `pod not found ("${name}_${namespace}")`);
    }
    const socket = await accept(this.#sockets, handshake);
    const session = new PortForwardSession(socket, {
      podName: name,
      uid,
      ports: ports.map((port) => ({ port, path: this.#findPort(pod, port) })),
      cut: this.sessions.takeCut(name),
    });
    this.sessions.add(session);
    socket.once('close', () => this.sessions.delete(session));
  }
}

/** @throws {ApiError} 400 in the kubelet's words */
function portsOf(query: URLSearchParams): number[] {
  const asked = query.getAll('ports');
  if (asked.length === 0) throw new KubeletRefusal(400, 'query parameter "ports" is required');
  return asked.flatMap((text) => {
    if (text === '') throw new KubeletRefusal(400, 'query parameter "ports" cannot be empty');
    return text.split(',').map((word) => {
      const port = Number(word);
      if (!/^\d{1,5}$/.test(word) || port > 65535)
        throw new KubeletRefusal(400, `unable to parse "${text}" as a port`);
      if (port < 1) throw new KubeletRefusal(400, `port "${text}" must be > 0`);
      return port;
    });
  });
}
