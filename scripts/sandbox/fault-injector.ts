import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ArmedCut, Sessions } from './api/cut.ts';
import type { ExecServer } from './api/exec.ts';
import type { PortForwardServer } from './api/port-forward.ts';
import { type ApiAnswer, readJson } from './api/request.ts';
import { badRequest, methodNotAllowed, noSuchPath } from './api/status.ts';
import type { Cluster } from './cluster/cluster.ts';
import { names } from './cluster/furnish.ts';
import type { Pod, StatefulSet } from './cluster/objects.ts';
import { WriteBack } from './cluster/write-back.ts';
import { type Fault, type FaultName, type FaultOf, parseFault } from './faults.ts';
import { createBlobStore } from './registry/http-faults.ts';
import type { RegistryService } from './registry/service.ts';

/** What faults can be injected into. */
export interface FaultTargets {
  readonly cluster: Cluster;
  readonly exec: ExecServer;
  readonly portForward: PortForwardServer;
  readonly service: RegistryService;
  /** Root directory of the registry's storage. */
  readonly storage: string;
}

type Injections = { readonly [Name in FaultName]: (fault: FaultOf<Name>) => unknown };

/** Makes things go wrong, on request of the program or over HTTP. */
export class FaultInjector {
  readonly #targets: FaultTargets;
  readonly #writeBack: WriteBack;
  #blobStore: Server | undefined;

  constructor(targets: FaultTargets) {
    this.#targets = targets;
    this.#writeBack = new WriteBack(targets.cluster.store);
  }

  /**
   * Injects a fault; settles when it is in force.
   *
   * @throws {ApiError} 400 for a fault that there is not, or that has nothing to hit
   */
  async inject(fault: Fault): Promise<void> {
    parseFault(fault);
    const injection = this.#injections[fault.fault] as (fault: Fault) => unknown;
    await injection(fault);
  }

  /** Fair weather again: forgets every fault that has not happened yet. */
  clear(): void {
    const { cluster, exec, portForward, service } = this.#targets;
    cluster.podFaults.clear();
    cluster.apiFaults.clear();
    cluster.access.denials = [];
    exec.sessions.clear();
    exec.refusals.clear();
    portForward.sessions.clear();
    service.clear();
    this.#writeBack.clear();
  }

  /** Answers `POST /sandbox/faults` (one fault as JSON) and `DELETE /sandbox/faults`. */
  async answer(message: IncomingMessage): Promise<ApiAnswer> {
    if (message.url !== '/sandbox/faults') throw noSuchPath();
    if (message.method === 'DELETE') this.clear();
    else if (message.method === 'POST')
      await this.inject(parseFault(await readJson(message, ['application/json'])));
    else throw methodNotAllowed();
    return { code: 200, body: { status: 'Success' } };
  }

  close(): void {
    this.clear();
    this.#writeBack.close();
    this.#blobStore?.closeAllConnections();
    this.#blobStore?.close();
  }

  readonly #injections: Injections = {
    losePod: ({ pod }) => {
      const { namespace = '', name } = this.#pod(pod).metadata;
      this.#targets.cluster.store.remove({ resource: 'pods', namespace, name });
    },
    failPods: ({ fault: _, ...failure }) => this.#targets.cluster.podFaults.arm({ times: 1, ...failure }),
    dropExec: ({ fault: _, ...cut }) => dropSockets(this.#targets.exec.sessions, cut),
    refuseExec: ({ fault: _, ...refusal }) =>
      this.#targets.exec.refusals.arm({ podPrefix: '', times: 1, message: unreachable, ...refusal }),
    dropForward: ({ fault: _, ...cut }) => dropSockets(this.#targets.portForward.sessions, cut),
    apiError: ({ fault: _, ...error }) => this.#targets.cluster.apiFaults.arm({ times: 1, ...error }),
    apiSlow: ({ delayMs }) => {
      this.#targets.cluster.apiFaults.delayMs = delayMs;
    },
    deny: ({ denials }) => {
      this.#targets.cluster.access.denials = denials;
    },
    registryError: ({ fault: _, ...error }) =>
      this.#targets.service.faults.arm({ code: 500, times: 1, ...error }),
    registrySlow: ({ delayMs }) => this.#targets.service.faults.slowDown(delayMs),
    registryHold: ({ fault: _, ...requests }) => this.#targets.service.faults.hold(requests),
    registryDown: ({ forMs }) => this.#targets.service.goDown(forMs),
    restartRegistry: () =>
      Promise.all(this.#registryPods().map((pod) => this.#targets.cluster.kubelet.crash(pod))),
    redirectBlobs: async ({ to }) => {
      this.#targets.service.faults.redirectBlobs(to === 'store' ? await this.#startBlobStore() : nowhere);
    },
    endlessRollout: ({ times = 1 }) =>
      this.#targets.cluster.podFaults.arm({
        failure: 'neverReady',
        podPrefix: names.registry,
        controlledOnly: true,
        times,
      }),
    updateStrategy: ({ type, partition }) => {
      const key = { resource: 'statefulsets', namespace: names.platform, name: names.registry };
      const updateStrategy =
        type === 'OnDelete' ? { type } : { type, rollingUpdate: { partition: partition ?? 0 } };
      const changed = this.#targets.cluster.store.modify<StatefulSet>(key, (set) => {
        set.spec.updateStrategy = updateStrategy;
      });
      if (changed === undefined) throw badRequest('only a StatefulSet has this update strategy');
    },
    writeBack: ({ afterMs, times = 1 }) => this.#writeBack.arm({ afterMs, times }),
  };

  #pod(name: string): Pod {
    const pod = this.#targets.cluster.pods().find(({ metadata }) => metadata.name === name);
    if (pod === undefined) throw badRequest(`there is no pod ${JSON.stringify(name)}`);
    return pod;
  }

  #registryPods(): Pod[] {
    return this.#targets.cluster.pods().filter(({ metadata }) => metadata.ownerReferences !== undefined);
  }

  async #startBlobStore(): Promise<string> {
    if (this.#blobStore === undefined) {
      const store = createBlobStore(this.#targets.storage);
      await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
      this.#blobStore = store;
    }
    return `http://127.0.0.1:${(this.#blobStore.address() as AddressInfo).port}`;
  }
}

/** Cuts those that are open, unless it is said when future ones are to be cut. */
function dropSockets(sessions: Sessions, cut: Partial<ArmedCut>): void {
  const now = cut.afterBytes === undefined && cut.afterMessages === undefined;
  if (now) sessions.drop(cut.podPrefix ?? '');
  else sessions.arm({ podPrefix: '', times: 1, ...cut });
}

/** The words of an API server that does not reach the node's kubelet. */
const unreachable = 'error dialing backend: dial tcp 127.0.0.1:10250: connect: connection refused';

/** A port where nobody listens: as an object store that only the cluster can reach. */
const nowhere = 'http://127.0.0.1:9';
