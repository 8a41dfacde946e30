import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { WebSocket } from 'ws';
import type { Sandbox } from '../../scripts/sandbox/index.ts';

/** An answer of the API server. */
export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface Call {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly token?: string;
}

/** What came of an exec. */
export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The object of the error channel; undefined if the socket closed without one. */
  readonly status: unknown;
}

export const platformPath = '/api/v1/namespaces/domino-platform';
export const workloadPath = '/apis/apps/v1/namespaces/domino-platform/statefulsets/docker-registry';

/** Talks to a sandbox's API server with nothing between: no client library that would smooth things over. */
export class ApiClient {
  readonly #agent: Agent;
  readonly #server: string;
  readonly #token: string;

  constructor({ kubeconfig }: Pick<Sandbox, 'kubeconfig'>) {
    const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8'));
    const { server, 'certificate-authority-data': authority } = clusters[0].cluster;
    this.#server = server;
    this.#token = users[0].user.token;
    this.#agent = new Agent({ ca: Buffer.from(authority, 'base64'), keepAlive: true });
  }

  async call(
    method: string,
    path: string,
    { body, contentType, token = this.#token }: Call = {},
  ): Promise<Answer> {
    const text = body === undefined || typeof body === 'string' ? (body ?? '') : JSON.stringify(body);
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers['content-type'] = contentType ?? 'application/json';
    headers['content-length'] = String(Buffer.byteLength(text));
    const asked = request(`${this.#server}${path}`, { method, headers, agent: this.#agent });
    asked.end(text);
    const [response] = await once(asked, 'response');
    let received = '';
    for await (const chunk of response) received += chunk;
    return {
      code: response.statusCode,
      headers: response.headers,
      body: received === '' ? undefined : JSON.parse(received),
    };
  }

  /** Calls and insists on success. */
  async ok<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const { code, body } = await this.call(method, path, call);
    assert.ok(code < 300, `${method} ${path}: ${code} ${JSON.stringify(body)}`);
    return body as T;
  }

  /** Applies a JSON patch. */
  jsonPatch(path: string, operations: readonly object[]): Promise<Answer> {
    return this.call('PATCH', path, { body: operations, contentType: 'application/json-patch+json' });
  }

  /** Injects a fault over HTTP. */
  inject(fault: object): Promise<Answer> {
    return this.call('POST', '/sandbox/faults', { body: fault });
  }

  /** Watches a collection and yields its events until the caller has seen enough. */
  async *watch(path: string): AsyncGenerator<{ type: string; object: WatchedObject }> {
    const asked = request(`${this.#server}${path}`, {
      headers: { authorization: `Bearer ${this.#token}` },
      agent: this.#agent,
    });
    asked.end();
    const [response] = await once(asked, 'response');
    let rest = '';
    try {
      for await (const chunk of response) {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line);
      }
    } finally {
      asked.destroy();
    }
  }

  /** Opens an exec socket; rejects when the handshake is refused. */
  async openExec(pod: string, exec: ExecRequest): Promise<WebSocket> {
    const query = new URLSearchParams({ stdin: String(exec.stdin ?? false), stdout: 'true', stderr: 'true' });
    if (exec.container !== undefined) query.set('container', exec.container);
    for (const word of exec.command) query.append('command', word);
    const { namespace = 'domino-platform', protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] } = exec;
    const socket = this.#connect(`/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query}`, protocols);
    await once(socket, 'open');
    return socket;
  }

  /** Opens a port-forward socket; rejects when the handshake is refused, with what was answered. */
  openForward(pod: string, query: string, protocols = ['v4.channel.k8s.io']): Promise<WebSocket> {
    const socket = this.#connect(`${platformPath}/pods/${pod}/portforward?${query}`, protocols);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('error', reject);
      socket.once('unexpected-response', async (_request, response) => {
        let body = '';
        for await (const chunk of response) body += chunk;
        reject(new Error(`${response.statusCode} ${response.headers['content-type']}: ${body}`));
      });
    });
  }

  #connect(path: string, protocols: readonly string[]): WebSocket {
    return new WebSocket(`${this.#server.replace('https', 'wss')}${path}`, [...protocols], {
      headers: { authorization: `Bearer ${this.#token}` },
      agent: this.#agent,
    });
  }

  /** Runs a command to its end, with `input` as its standard input. */
  async exec(pod: string, exec: ExecRequest): Promise<ExecResult> {
    const socket = await this.openExec(pod, { ...exec, stdin: exec.input !== undefined });
    const result = collect(socket);
    if (exec.input !== undefined) {
      socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(exec.input)]));
      if (socket.protocol === 'v5.channel.k8s.io') socket.send(Buffer.from([255, 0]));
    }
    return result;
  }

  close(): void {
    this.#agent.destroy();
  }
}

export interface ExecRequest {
  readonly command: readonly string[];
  readonly container?: string;
  readonly namespace?: string;
  readonly protocols?: readonly string[];
  readonly stdin?: boolean;
  readonly input?: string;
}

interface WatchedObject {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly status: { readonly phase?: string };
}

/** Gathers what an exec socket brings until it closes. */
export async function collect(socket: WebSocket): Promise<ExecResult> {
  const output: Record<number, string> = { 1: '', 2: '', 3: '' };
  socket.on('message', (message: Buffer) => {
    const channel = message[0] ?? 0;
    output[channel] += message.subarray(1).toString();
  });
  await once(socket, 'close');
  const status = output[3] === '' ? undefined : JSON.parse(output[3] ?? '');
  return { stdout: output[1] ?? '', stderr: output[2] ?? '', status };
}

/** A pod that PodSecurity `restricted` lets in, and that may reach the registry. */
export function podManifest(
  name: string,
  changes: { spec?: object; container?: object; labels?: object } = {},
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { 'docker-registry-client': 'true', ...changes.labels } },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'skopeo',
          image: 'quay.io/skopeo/stable:v1.17.0',
          command: ['sleep', 'infinity'],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          env: [{ name: 'HOME', value: '/home/skopeo' }],
          volumeMounts: [{ name: 'home', mountPath: '/home/skopeo' }],
          ...changes.container,
        },
      ],
      volumes: [{ name: 'home', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }],
      ...changes.spec,
    },
  };
}
