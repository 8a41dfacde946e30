/** Connections to the registry's own pod, through a port that the API server forwards (`pods/portforward`). */
import { RegistryError } from '../../domain/errors.ts';
import { registryContainer } from '../../domain/registry-container.ts';
import { plainText } from '../../domain/text.ts';
import { describe, type WorkloadContainer, type WorkloadPod } from '../../domain/workload.ts';
import type { ByteStream, Dialer, WorkloadPort } from '../../ports.ts';
import { singleFlight } from './abort.ts';
import { authenticated, type Endpoint } from './endpoint.ts';
import type { Watch } from './keep-alive.ts';
import { portForwardSession } from './port-forward-session.ts';
import { asRegistryError } from './registry-error.ts';
import { type Target, targetPath } from './target.ts';
import { createSocket, opened } from './web-socket.ts';

const PROTOCOLS = ['v4.channel.k8s.io'];

/** The port that a registry's container listens on, as its Service's clients see it and as the workload says. */
export interface RegistryPort {
  /** The port of the registry's address. The Service may lead to another one of the container. */
  readonly port: number;
  /** The container's port, where it cannot be told from the workload. */
  readonly containerPort?: number | undefined;
  /** The registry's container, where it cannot be told from the workload. */
  readonly container?: string | undefined;
}

export interface PortForwardOptions extends RegistryPort, Watch {
  readonly namespace: string;
  readonly workload: WorkloadPort;
  readonly handshakeTimeoutMs: number;
}

/** A port-forward to a pod; to any of the namespace without a name. */
export function portForwardTarget(namespace: string, name: string | undefined): Target {
  const which = name === undefined ? {} : { name };
  return { verb: 'create', group: '', resource: 'pods/portforward', namespace, ...which };
}

/**
 * Dials a pod of the registry's workload that is ready, each time anew, since it may have been replaced. The signal of
 * `dial` holds for the connection, too: when it is aborted the connection ends, and its output fails with the signal's
 * reason. Unlike a command in a pod, a forwarded connection ends with its WebSocket.
 *
 * `dial` rejects with a `RefusedError` as well, when it is not clear which container is the registry.
 */
export function createPortForwardDialer(endpoint: Endpoint, options: PortForwardOptions): Dialer {
  const { namespace, workload } = options;
  const findPods = singleFlight((signal) => workload.pods(signal));
  let known: { readonly what: string; readonly port: number } | undefined;

  async function findPort(signal: AbortSignal) {
    const found = await workload.read(signal);
    const container = registryContainer(found, { name: options.container, port: options.port });
    return { what: describe(found), port: options.containerPort ?? portOf(container, options.port) };
  }

  async function connect(signal: AbortSignal): Promise<ByteStream> {
    known ??= await findPort(signal);
    const { what, port } = known;
    const { name } = readyPod(await findPods(signal), what);
    const target = portForwardTarget(namespace, name);
    const url = endpoint.url(`${targetPath(target)}?ports=${port}`);
    const { handshakeTimeoutMs: timeoutMs } = options;
    return authenticated(endpoint, signal, async (connection) => {
      const socket = createSocket(url, { protocols: PROTOCOLS, connection });
      const { stream, stands } = portForwardSession(socket, {
        ...options,
        port,
        where: `pod ${name} in namespace ${namespace}`,
        signal,
      });
      await opened(socket, { target, place: endpoint.place, timeoutMs, signal });
      await stands;
      return stream;
    });
  }

  return {
    async dial(signal) {
      try {
        return await connect(signal);
      } catch (error) {
        throw asRegistryError(error);
      }
    },
  };
}

/** All connections lead to the same pod as long as it is ready: replicas do not know each other's latest changes. */
function readyPod(pods: readonly WorkloadPod[], what: string): WorkloadPod {
  const [pod] = pods
    .filter(({ ready, terminating }) => ready && !terminating)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  if (pod) return pod;
  const trouble = pods.map((each) => each.trouble).find((text) => text !== '');
  const why = trouble === undefined ? '' : ` (${plainText(trouble)})`;
  throw new RegistryError(`No pod of ${what} is ready${why}.`, { failure: 'temporary' });
}

/** The port that the container declares: that of the registry's address if it is among them, else the only one. */
function portOf({ name, ports }: WorkloadContainer, wanted: number): number {
  if (ports.includes(wanted)) return wanted;
  const [only, ...more] = ports;
  if (only !== undefined && more.length === 0) return only;
  const declared = ports.length === 0 ? 'no port' : `the ports ${ports.join(', ')}`;
  throw new RegistryError(
    `It is not clear on which port the registry listens: its container "${name}" declares ${declared}.`,
    { failure: 'other', next: 'Give it with --registry-container-port.' },
  );
}
