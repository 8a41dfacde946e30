import assert from 'node:assert/strict';
import { on } from 'node:events';
import { after, before, describe, it } from 'node:test';
import type { WebSocket } from 'ws';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/index.ts';
import { ApiClient, collect, platformPath, podManifest } from './api-client.ts';
import { podGone, podReady } from './conditions.ts';

const success = { metadata: {}, status: 'Success' };
/** Waits until a command says something; the empty message at the start does not count. */
async function firstOutput(socket: WebSocket): Promise<void> {
  for await (const [message] of on(socket, 'message')) {
    if (message.length > 1) return;
  }
}

const shell = (script: string) => ({ command: ['bash', '-c', script] });

for (const isolation of [true, false]) {
  describe(`exec, ${isolation ? 'isolated where possible' : 'in plain processes'}`, () => {
    let sandbox: Sandbox;
    let api: ApiClient;
    before(async () => {
      const small = { environments: 1, revisions: 2, legacy: 0, rolloutMs: 50, podStartMs: 20 };
      sandbox = await startSandbox({ ...small, isolation });
      api = new ApiClient(sandbox);
      await api.ok('POST', `${platformPath}/pods`, { body: podManifest('tool') });
      await podReady(sandbox, 'tool');
    });
    after(async () => {
      api.close();
      await sandbox.stop();
    });

    it('brings output, errors and the exit code back', async () => {
      const result = await api.exec('tool', shell('echo out; echo err >&2; exit 7'));
      assert.deepEqual(result, {
        stdout: 'out\n',
        stderr: 'err\n',
        status: {
          metadata: {},
          status: 'Failure',
          message: 'command terminated with non-zero exit code: exit status 7',
          reason: 'NonZeroExitCode',
          details: { causes: [{ reason: 'ExitCode', message: '7' }] },
        },
      });
    });

    it('ends the input under v5', async () => {
      const result = await api.exec('tool', { command: ['cat'], input: 'all of it' });
      assert.deepEqual(result, { stdout: 'all of it', stderr: '', status: success });
    });

    it('cannot end the input under v4', async () => {
      const socket = await api.openExec('tool', {
        ...shell('read -r line; echo "$line"'),
        stdin: true,
        protocols: ['v4.channel.k8s.io'],
      });
      const result = collect(socket);
      socket.send(Buffer.from([255, 0])); // means nothing here
      socket.send(Buffer.from('\0still open\n'));
      assert.deepEqual(await result, { stdout: 'still open\n', stderr: '', status: success });
    });

    it('carries a lot both ways', async () => {
      const input = 'x'.repeat(3_000_000);
      const { stdout, status } = await api.exec('tool', { command: ['cat'], input });
      assert.equal(stdout.length, input.length);
      assert.deepEqual(status, success);
    });

    it('gives a command the variables of its pod, and nothing of this process', async () => {
      process.env['SANDBOX_TEST_SECRET'] = 'leaked';
      const { stdout } = await api.exec('tool', { command: ['env'] });
      delete process.env['SANDBOX_TEST_SECRET'];
      const names = stdout
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0]);
      assert.deepEqual(names.sort(), ['HOME', 'HOSTNAME', 'PATH']);
    });

    it('keeps files in the volume, from one command to the next', async () => {
      // In plain processes the mount path is rewritten wherever an argument or a variable names it.
      await api.exec('tool', { command: ['touch', '/home/skopeo/kept'] });
      assert.equal((await api.exec('tool', shell('ls "$HOME"'))).stdout, 'kept\n');
    });

    it('says so when a command cannot start, without an exit code', async () => {
      for (const command of [['no-such-command'], ['/etc']]) {
        const { status } = await api.exec('tool', { command });
        assert.partialDeepStrictEqual(status, { status: 'Failure', reason: 'InternalError', code: 500 });
        assert.ok(!JSON.stringify(status).includes('ExitCode'));
      }
    });

    it('refuses the handshake for a pod or a container that there is not', async () => {
      await assert.rejects(api.openExec('nobody', { command: ['true'] }), /Unexpected server response: 404/);
      const elsewhere = { command: ['true'], container: 'nobody' };
      await assert.rejects(api.openExec('tool', elsewhere), /Unexpected server response: 400/);
    });

    it('leaves a command running when its socket drops, its input open', async () => {
      const socket = await api.openExec('tool', {
        ...shell(
          'read -r word; echo "$word" > "$HOME/heard"; while :; do echo noise; sleep 0.01; echo on >> "$HOME/alive"; done',
        ),
        stdin: true,
      });
      socket.send(Buffer.from('\0hello\n'));
      await firstOutput(socket);
      const dropped = collect(socket);
      await sandbox.faults.inject({ fault: 'dropExec' });
      assert.equal((await dropped).status, undefined);
      const { stdout } = await api.exec(
        'tool',
        shell('rm -f "$HOME/alive"; until [ -s "$HOME/alive" ]; do sleep 0.01; done; cat "$HOME/heard"'),
      );
      assert.equal(stdout, 'hello\n');
    });

    it('cuts a socket after so many bytes or messages, without a status', async () => {
      await sandbox.faults.inject({ fault: 'dropExec', podPrefix: 'tool', afterBytes: 5 });
      assert.deepEqual(await api.exec('tool', shell('echo 0123456789; sleep 60')), {
        stdout: '01234',
        stderr: '',
        status: undefined,
      });
      await sandbox.faults.inject({ fault: 'dropExec', afterMessages: 1 });
      const { status } = await api.exec('tool', shell('echo one; sleep 60'));
      assert.equal(status, undefined);
    });

    it('starts no command, in the words of an API server that does not reach the kubelet', async () => {
      await sandbox.faults.inject({ fault: 'refuseExec', podPrefix: 'tool' });
      const { status } = await api.exec('tool', shell('echo one'));
      assert.partialDeepStrictEqual(status, { reason: 'InternalError', code: 500 });
      assert.match(
        JSON.stringify(status),
        /"Internal error occurred: .*:10250: connect: connection refused"/,
      );
      assert.equal((await api.exec('tool', shell('echo two'))).stdout, 'two\n');
    });

    it('ends every process of a pod that is deleted or lost', async () => {
      for (const end of ['delete', 'lose'] as const) {
        await api.ok('POST', `${platformPath}/pods`, { body: podManifest(`doomed-${end}`) });
        await podReady(sandbox, `doomed-${end}`);
        const socket = await api.openExec(
          `doomed-${end}`,
          shell('trap "" TERM HUP; while :; do echo on; sleep 1; done'),
        );
        await firstOutput(socket);
        const running = collect(socket);
        if (end === 'lose') await sandbox.faults.inject({ fault: 'losePod', pod: 'doomed-lose' });
        else await api.ok('DELETE', `${platformPath}/pods/doomed-delete`);
        await podGone(sandbox, `doomed-${end}`);
        assert.partialDeepStrictEqual((await running).status, { details: { causes: [{ message: '137' }] } });
      }
    });

    it('has no container to enter before it runs', async () => {
      await sandbox.faults.inject({ fault: 'failPods', failure: 'imagePull', podPrefix: 'stuck' });
      await api.ok('POST', `${platformPath}/pods`, { body: podManifest('stuck') });
      await assert.rejects(
        api.openExec('stuck', { command: ['true'], protocols: ['v4.channel.k8s.io'] }),
        /Unexpected server response: (400|500)/,
      );
    });
  });
}

describe('exec on an older server', () => {
  it('speaks v4 only', async () => {
    const sandbox = await startSandbox({
      environments: 1,
      revisions: 1,
      legacy: 0,
      rolloutMs: 50,
      execV5: false,
    });
    const api = new ApiClient(sandbox);
    try {
      const socket = await api.openExec('docker-registry-0', { command: ['true'] });
      assert.equal(socket.protocol, 'v4.channel.k8s.io');
      assert.deepEqual((await collect(socket)).status, success);
      const newer = { command: ['true'], protocols: ['v5.channel.k8s.io'] };
      await assert.rejects(api.openExec('docker-registry-0', newer), /Unexpected server response: 400/);
    } finally {
      api.close();
      await sandbox.stop();
    }
  });
});
