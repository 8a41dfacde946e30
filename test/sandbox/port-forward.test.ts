import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, watch } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import type { WebSocket } from 'ws';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { ApiClient, platformPath, podManifest } from './api-client.ts';
import { eventually, podNamed, podReady } from './conditions.ts';

const registryPod = 'docker-registry-0';
/** 5000 and 5001 in little endian. */
const [number5000, number5001] = ['\x88\x13', '\x89\x13'] as const;

interface Received {
  /** What each channel brought, as Latin-1. */
  readonly channels: string[];
  /** Number of messages. */
  count: number;
}

/** Gathers what a socket brings. */
function gather(socket: WebSocket): Received {
  const received: Received = { channels: [], count: 0 };
  socket.on('message', (message: Buffer) => {
    const channel = message[0] ?? 0;
    received.channels[channel] = (received.channels[channel] ?? '') + message.toString('latin1', 1);
    received.count += 1;
    socket.emit('gathered');
  });
  return received;
}

async function until(socket: WebSocket, holds: () => boolean): Promise<void> {
  while (!holds()) await once(socket, 'gathered');
}

function say(socket: WebSocket, text: string, channel = 0): void {
  socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]));
}

const question = 'GET /v2/ HTTP/1.1\r\nhost: registry\r\n\r\n';

describe('port-forward', () => {
  let sandbox: Sandbox;
  let api: ApiClient;
  before(async () => {
    sandbox = await startSandbox({ environments: 1, revisions: 1, legacy: 0, rolloutMs: 50, podStartMs: 20 });
    api = new ApiClient(sandbox);
  });
  afterEach(() => sandbox.faults.clear());
  after(async () => {
    api.close();
    await sandbox.stop();
  });

  /** A socket, listened to from its first message on. */
  async function open(query: string, pod = registryPod) {
    const opening = api.openForward(pod, query);
    const socket = await opening;
    return { socket, received: gather(socket) };
  }

  it('opens each channel with the port, then carries data both ways', async () => {
    const { socket, received } = await open('ports=5000');
    await until(socket, () => received.count === 2);
    assert.deepEqual(received.channels, [number5000, number5000]);
    for (let answers = 1; answers <= 3; answers++) {
      say(socket, question);
      await until(socket, () => received.channels[0]?.split('HTTP/1.1 401').length === answers + 1);
    }
    assert.equal(received.channels[1], number5000);
    socket.terminate();
  });

  it('reaches the pod itself, whatever its Service does', async () => {
    await sandbox.faults.inject({ fault: 'registryDown', forMs: 60_000 });
    const { socket, received } = await open('ports=5000');
    say(socket, question);
    await until(socket, () => received.channels[0]?.includes('HTTP/1.1 401') ?? false);
    socket.terminate();
  });

  it('ends with a good-bye when the registry closes the connection', async () => {
    const { socket, received } = await open('ports=5000');
    say(socket, question.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
    const [code] = await once(socket, 'close');
    assert.equal(code, 1000);
    assert.match(received.channels[0] ?? '', /HTTP\/1\.1 401/);
    assert.equal(received.channels[1], number5000);
  });

  it('tells a refused connection on the error channel, and ends', async () => {
    const { socket, received } = await open('ports=5001');
    const [code] = await once(socket, 'close');
    assert.equal(code, 1000);
    assert.equal(received.channels[0], number5001);
    const [, complaint = ''] = received.channels[1]?.split(number5001) ?? [];
    assert.match(complaint, /^error forwarding port 5001 to pod [0-9a-f-]{36}, uid : .*connection refused/);
  });

  it('forwards several ports, two channels each, until the last one is done', async () => {
    const { socket, received } = await open('ports=5001,5000');
    await until(socket, () => received.count >= 5);
    assert.match(received.channels[1] ?? '', /connection refused/);
    say(socket, question, 2);
    await until(socket, () => received.channels[2]?.includes('HTTP/1.1 401') ?? false);
    assert.deepEqual([received.channels[0], received.channels[3]], [number5001, number5000]);
    socket.terminate();
  });

  it('refuses what a real one refuses', async () => {
    await assert.rejects(
      api.openForward('nobody', 'ports=5000'),
      /^Error: 404 application\/json: .*NotFound/,
    );
    const refusals = [
      ['', /^Error: 400 text\/plain.*: query parameter "ports" is required$/],
      ['ports=', /^Error: 400 .*: query parameter "ports" cannot be empty$/],
      ['ports=registry', /^Error: 400 .*: unable to parse "registry" as a port$/],
      ['ports=65536', /^Error: 400 .*: unable to parse "65536" as a port$/],
      ['ports=0', /^Error: 400 .*: port "0" must be > 0$/],
    ] as const;
    for (const [query, words] of refusals) await assert.rejects(api.openForward(registryPod, query), words);
    await assert.rejects(
      api.openForward(registryPod, 'ports=5000', ['v5.channel.k8s.io', 'channel.k8s.io']),
      /^Error: 403 text\/plain.*: requested protocol\(s\) are not supported: \[v5\.channel\.k8s\.io channel\.k8s\.io\]/,
    );
  });

  it('needs the permission to get and to create', async () => {
    for (const verb of ['get', 'create']) {
      const denials = [{ verb, resource: 'pods/portforward', name: registryPod }];
      await sandbox.faults.inject({ fault: 'deny', denials });
      await assert.rejects(api.openForward(registryPod, 'ports=5000'), /^Error: 403 .*"Forbidden"/);
    }
  });

  it('has nothing to lead to in a pod without a node, or one that is over', async () => {
    await sandbox.faults.inject({ fault: 'failPods', failure: 'unschedulable', podPrefix: 'nowhere' });
    await api.ok('POST', `${platformPath}/pods`, { body: podManifest('nowhere') });
    await assert.rejects(
      api.openForward('nowhere', 'ports=1'),
      /^Error: 400 .*does not have a host assigned/,
    );
    const container = { command: ['true'] };
    await api.ok('POST', `${platformPath}/pods`, { body: podManifest('over', { container }) });
    await eventually(
      sandbox,
      'the pod is over',
      () => podNamed(sandbox, 'over')?.status.phase === 'Succeeded',
    );
    await assert.rejects(
      api.openForward('over', 'ports=1'),
      /^Error: 500 text\/plain.*: pod not found \("over_domino-platform"\)$/,
    );
  });

  it('reaches no port of a pod where nobody listens', async () => {
    await api.ok('POST', `${platformPath}/pods`, { body: podManifest('tool') });
    await podReady(sandbox, 'tool');
    const { socket, received } = await open('ports=5000', 'tool');
    await once(socket, 'close');
    assert.match(received.channels[1] ?? '', /connection refused/);
  });

  it('ends the forwarded connection when its socket drops', async () => {
    const user = Buffer.from(`${sandbox.username}:${sandbox.password}`).toString('base64');
    const lines = [
      'PUT /v2/forwarded/test/manifests/half HTTP/1.1',
      'host: registry',
      `authorization: Basic ${user}`,
      'content-length: 9',
      'expect: 100-continue',
    ];
    const { socket, received } = await open('ports=5000');
    say(socket, `${lines.join('\r\n')}\r\n\r\n`);
    await until(socket, () => received.channels[0]?.includes('100 Continue') ?? false);
    say(socket, 'half');
    const log = watch(sandbox.registryLog);
    await sandbox.faults.inject({ fault: 'dropForward' });
    const [code] = await once(socket, 'close');
    assert.equal(code, 1006);
    // The registry answers, and logs, a request whose client has gone; one whose client may still speak waits.
    const isLogged = () => readFileSync(sandbox.registryLog, 'utf8').includes('PUT /v2/forwarded/test/');
    while (!isLogged()) await once(log, 'change');
    log.close();
  });

  it('cuts a socket after so many bytes', async () => {
    await sandbox.faults.inject({ fault: 'dropForward', podPrefix: registryPod, afterBytes: 5 });
    const { socket, received } = await open('ports=5000');
    say(socket, question);
    const [code] = await once(socket, 'close');
    assert.equal(code, 1006);
    assert.equal(received.channels[0], `${number5000}HTTP/`);
  });

  it('ends with the pod', async () => {
    for (const end of ['delete', 'lose'] as const) {
      const { socket } = await open('ports=5000');
      const closed = once(socket, 'close');
      const { uid } = podNamed(sandbox, registryPod)?.metadata ?? {};
      if (end === 'lose') await sandbox.faults.inject({ fault: 'losePod', pod: registryPod });
      else await api.ok('DELETE', `${platformPath}/pods/${registryPod}`);
      await closed;
      await eventually(sandbox, 'there is another pod', () => {
        const pod = podNamed(sandbox, registryPod);
        return pod !== undefined && pod.metadata.uid !== uid;
      });
      await podReady(sandbox, registryPod);
    }
  });
});
