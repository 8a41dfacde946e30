import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { ExecServer } from './api/exec.ts';
import { PortForwardServer } from './api/port-forward.ts';
import { ApiServer } from './api/server.ts';
import { Cluster } from './cluster/cluster.ts';
import { Controllers } from './cluster/controllers.ts';
import { until } from './cluster/delays.ts';
import { furnish, names, registryPort, registrySelector } from './cluster/furnish.ts';
import { isReady, isTerminating } from './cluster/objects.ts';
import { FaultInjector } from './fault-injector.ts';
import { contextName, createIdentity, writeKubeconfig } from './kubeconfig.ts';
import { putAway } from './latency.ts';
import { type SandboxOptions, settle } from './options.ts';
import {
  type RegistryPlaces,
  registryImage,
  registryUser,
  socketOf,
  writeRegistryConfig,
} from './registry/container.ts';
import type { ObjectStore } from './registry/object-store.ts';
import { seedRegistry } from './registry/seed.ts';
import { RegistryService } from './registry/service.ts';
import { openStorage } from './registry/storage.ts';
import { processRuntime } from './runtime/processes.ts';
import { selectRuntime } from './runtime/select.ts';

export type { SandboxOptions } from './options.ts';

/** A running sandbox, and where to find it. */
export interface Sandbox {
  /** Path of a kubeconfig for the API server; only its owner may read it. */
  readonly kubeconfig: string;
  readonly context: string;
  /** Address of the registry: `127.0.0.1:PORT`. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  /** Path of an environments file that retains the newest revisions of each environment. */
  readonly environments: string;
  /** Root directory of the registry's storage; empty with an object store. */
  readonly storage: string;
  /** The object store behind the registry, if there is one; its delays may be changed. */
  readonly objectStore: ObjectStore | undefined;
  /** Path of the registry's access log. */
  readonly registryLog: string;
  /** Whether pods really are isolated from this machine (Linux, as root) or only run on it. */
  readonly isolated: boolean;
  /** What can be made to go wrong. */
  readonly faults: FaultInjector;
  /** The objects of the cluster, past its API. */
  readonly cluster: Cluster;
  /** Ends every process and removes every file of the sandbox. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

/**
 * Starts a Kubernetes API server and a Docker Distribution registry on 127.0.0.1, with the images of a
 * believable Domino installation, and settles when the registry's pod is ready.
 *
 * @throws if the registry is not installed or does not start, an option is out of range, or `signal` aborts
 */
export async function startSandbox(
  options: SandboxOptions = {},
  { signal = AbortSignal.timeout(startTimeoutMs) }: { readonly signal?: AbortSignal } = {},
): Promise<Sandbox> {
  const settings = settle(options);
  const directory = mkdtempSync(`${tmpdir()}/docker-registry-cleaner-sandbox-`);
  const removeFiles = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  // For whoever dies of an uncaught error before it can stop its sandbox.
  process.once('exit', removeFiles);
  const undo: (() => unknown)[] = [removeFiles, () => process.off('exit', removeFiles)];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const places = placesIn(directory);
    const user = { name: 'domino-registry', password: randomBytes(18).toString('hex') };
    const storage = await openStorage(places.storage, settings.objectStore);
    undo.push(() => storage.close());
    const image = registryImage(places, storage);
    writeRegistryConfig(places, { user, storage, deletion: settings.configuredDeletion });
    const environments = `${directory}/environments`;
    writeFileSync(environments, seedRegistry(storage, settings));
    const runtime = settings.isolation ? await selectRuntime(directory) : processRuntime(directory);
    if (runtime.isolated) execFileSync('chown', ['-R', `${registryUser}:${registryUser}`, places.storage]);

    const directories = {
      [`claim/${names.claim}`]: places.storage,
      [`configMap/${names.config}`]: places.config,
    };
    const cluster = new Cluster({ settings, runtime, images: [image], directories });
    undo.push(() => cluster.kubelet.stop());
    const controllers = new Controllers(cluster);
    undo.push(() => controllers.stop());
    furnish(cluster.store, { settings, user });

    const service = new RegistryService(() => readyRegistries(cluster, places));
    undo.push(() => service.close());
    const servicePort = await publish((port) => service.listen(port), {
      port: settings.port,
      roundTripMs: settings.registryLatencyMs,
      undo,
    });

    const identity = await createIdentity();
    const exec = new ExecServer(cluster);
    const portForward = new PortForwardServer(cluster, (pod, port) => {
      // Only the registry's container listens on anything, and not on a port that others could reach.
      const runsRegistry = pod.spec.containers.some(({ image: name }) => image.matches.test(name));
      return runsRegistry && port === registryPort ? socketOf(places, pod) : undefined;
    });
    const faults = new FaultInjector({ cluster, exec, portForward, service, storage: places.storage });
    undo.push(() => faults.close());
    const streams = { exec, portforward: portForward };
    const api = new ApiServer({
      cluster,
      streams,
      ...identity,
      control: (message) => faults.answer(message),
    });
    undo.push(() => api.close());
    const kubeconfig = `${directory}/kubeconfig`;
    const apiPort = await publish(() => api.listen(), { port: 0, roundTripMs: settings.apiLatencyMs, undo });
    writeKubeconfig(kubeconfig, { port: apiPort, identity });
    await registryIsReady(cluster, signal);

    return {
      ...{ kubeconfig, context: contextName, registry: `127.0.0.1:${servicePort}` },
      ...{ username: user.name, password: user.password, environments },
      ...{ storage: places.storage, objectStore: storage.objectStore, registryLog: places.accessLog },
      ...{ isolated: runtime.isolated, faults, cluster, stop },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Has a server listen, as far away as was asked for, and returns the port for its clients. */
async function publish(
  listen: (port: number) => Promise<number>,
  place: { readonly port: number; readonly roundTripMs: number; readonly undo: (() => unknown)[] },
): Promise<number> {
  const { port: listenPort, roundTripMs, undo } = place;
  if (roundTripMs === 0) return listen(listenPort);
  const distance = await putAway({ port: await listen(0), roundTripMs, listenPort });
  undo.push(() => distance.close());
  return distance.port;
}

function placesIn(directory: string): RegistryPlaces {
  return {
    storage: `${directory}/registry`,
    config: `${directory}/config`,
    sockets: `${directory}/s`,
    accessLog: `${directory}/registry.log`,
  };
}

/** Sockets of the pods that the registry's Service sends traffic to at the moment. */
function readyRegistries(cluster: Cluster, places: RegistryPlaces): string[] {
  const pods = cluster.pods().filter(({ metadata }) => metadata.namespace === names.platform);
  const selected = pods.filter(({ metadata }) =>
    Object.entries(registrySelector).every(([label, value]) => metadata.labels?.[label] === value),
  );
  return selected.filter((pod) => isReady(pod) && !isTerminating(pod)).map((pod) => socketOf(places, pod));
}

/** Waits until the first pod of the registry takes traffic. */
async function registryIsReady(cluster: Cluster, signal: AbortSignal): Promise<void> {
  if (await until(async () => cluster.pods().some(isReady), signal)) return;
  const [pod] = cluster.pods();
  throw new Error(
    `the registry did not start: ${JSON.stringify(pod?.status.containerStatuses ?? pod?.status)}`,
  );
}
