/** The registry's contract over the routes that lead through the cluster. */
import { connect as connectSocket } from 'node:net';
import { after } from 'node:test';
import type { WebSocket } from 'ws';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { createOciRegistry } from '../../src/adapters/oci/registry.ts';
import type { Dialer } from '../../src/ports.ts';
import { startApiStub } from './kubernetes/support/api-stub.ts';
import { connect, podSettings } from './kubernetes/support/connection.ts';
import { testRegistryContract } from './registry-contract.ts';
import type { RegistryFactory } from './registry-target.ts';

const RUN = podSettings.run;

/** An adapter that makes its connections by a dialer. */
function over(
  routeName: string,
  dial: (to: { host: string; port: number }) => Promise<Opened>,
): RegistryFactory {
  return async ({ host, credentials, signal }) => {
    const { hostname, port } = new URL(`http://${host}`);
    const { dialer, close } = await dial({ host: hostname, port: Number(port) });
    const options = { credentials, signal, registry: host, tls: undefined, concurrency: 8, run: RUN };
    return { registry: createOciRegistry({ ...options, dialer, routeName }), dispose: close };
  };
}

interface Opened {
  readonly dialer: Dialer;
  close(): Promise<void>;
}

let sandbox: Promise<Sandbox> | undefined;
after(async () => (await sandbox)?.stop());

/** Through a pod of the sandbox, whose commands run on this machine and so reach any registry on it. */
async function throughPod(to: { host: string; port: number }): Promise<Opened> {
  sandbox ??= startSandbox({ environments: 1, revisions: 1, legacy: 0, curiosities: false });
  const connection = await connect((await sandbox).kubeconfig);
  return { dialer: connection.podDialer(to), close: async () => {} };
}

/** Through an API server that forwards the port of its only pod to the registry. */
async function byPortForward({ host, port }: { host: string; port: number }): Promise<Opened> {
  const containers = [{ name: 'registry', ports: [{ containerPort: port }] }];
  const workload = {
    kind: 'StatefulSet',
    metadata: { name: 'docker-registry', namespace: 'domino-platform', uid: 'set-1' },
    spec: { selector: { matchLabels: { app: 'registry' } }, template: { spec: { containers } } },
  };
  const pod = {
    metadata: {
      name: 'docker-registry-0',
      ownerReferences: [{ kind: 'StatefulSet', uid: 'set-1', controller: true }],
    },
    spec: { containers },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const api = await startApiStub({
    answer: ({ path }) => ({ body: path.endsWith('/pods') ? { items: [pod] } : workload }),
    exec: (socket) => forward(socket, { host, port }),
    protocols: ['v4.channel.k8s.io'],
  });
  const connection = await connect(api.kubeconfig);
  return { dialer: connection.portForward({ port }), close: async () => await api[Symbol.asyncDispose]() };
}

const DATA = 0;
const ERROR = 1;

/** What the kubelet does with a port-forward's socket: each channel is opened with the port's number. */
function forward(socket: WebSocket, { host, port }: { host: string; port: number }): void {
  for (const channel of [DATA, ERROR]) socket.send(Buffer.of(channel, port & 0xff, port >> 8));
  const target = connectSocket({ host, port, noDelay: true });
  socket.on('message', (message: Buffer) => target.write(message.subarray(1)));
  socket.on('close', () => target.destroy());
  target.on('data', (data) => socket.send(Buffer.concat([Buffer.of(DATA), data])));
  target.on('error', (error) => socket.send(Buffer.concat([Buffer.of(ERROR), Buffer.from(error.message)])));
  target.on('close', () => socket.close());
}

testRegistryContract('The route through the pod', over('pod', throughPod));
testRegistryContract('The route by port-forward', over('port-forward', byPortForward));
