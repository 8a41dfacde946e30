import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient, platformPath, podManifest } from './api-client.ts';

const program = [process.execPath, `${import.meta.dirname}/../../scripts/sandbox.ts`] as const;
const small = ['--environments', '1', '--revisions', '2', '--legacy', '0'];
const output = { stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] };
const patienceMs = 120_000;

/** The line that a sandbox prints when it is ready. */
interface Where {
  readonly kubeconfig: string;
  readonly registry: string;
  readonly environments: string;
  readonly storage: string;
}

/** Reads what a sandbox prints; settles with its first line. */
async function firstLine(child: ChildProcess): Promise<{ where: Where; lines: string[] }> {
  assert.ok(child.stdout);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  await once(reader, 'line');
  return { where: JSON.parse(lines[0] ?? ''), lines };
}

/** Starts a pod with a command in it that would run for ever. */
async function startPod(where: Where): Promise<void> {
  const api = new ApiClient(where);
  await api.ok('POST', `${platformPath}/pods`, { body: podManifest('resident') });
  for await (const { object } of api.watch(
    `${platformPath}/pods?watch=true&fieldSelector=metadata.name=resident`,
  )) {
    if (object.status.phase === 'Running') break;
  }
  const socket = await api.openExec('resident', {
    command: ['bash', '-c', 'trap "" TERM HUP INT; while :; do echo on; sleep 1; done'],
  });
  socket.on('error', () => {
    // It is cut when the sandbox ends.
  });
  await once(socket, 'message');
  api.close();
}

/** Processes whose arguments or mounts tell that they belong to a sandbox. */
function processesOf({ storage }: Where): string[] {
  if (!existsSync('/proc/self/mountinfo')) return [];
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const traces = ['cmdline', 'mountinfo'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'));
      return traces.some((trace) => trace.includes(dirname(storage)));
    } catch {
      return false; // gone in the meantime
    }
  });
}

/** Waits for something that no event tells of. */
async function becomes(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!holds()) {
    assert.ok(Date.now() < end, `never came true: ${what}`);
    await delay(20);
  }
}

function leavesNothing(where: Where): Promise<void> {
  return becomes(
    'nothing is left of the sandbox',
    () => !existsSync(dirname(where.storage)) && processesOf(where).length === 0,
  );
}

describe('npm run sandbox', { concurrency: 3 }, () => {
  it('prints one line of JSON with everything that a user needs', async () => {
    const sandbox = spawn(program[0], [program[1], ...small], output);
    const { where, lines } = await firstLine(sandbox);
    assert.deepEqual(Object.keys(where).sort(), [
      ...['context', 'environments', 'kubeconfig', 'password', 'registry', 'storage', 'username'],
    ]);
    assert.match(where.registry, /^127\.0\.0\.1:\d+$/);
    assert.equal(statSync(where.kubeconfig).mode & 0o777, 0o600);
    assert.ok(existsSync(where.environments) && existsSync(`${where.storage}/docker/registry/v2`));
    sandbox.kill('SIGTERM');
    const [code] = await once(sandbox, 'exit');
    assert.equal(code, 0);
    assert.equal(lines.length, 1);
  });

  it('refuses an option that it does not know', async () => {
    const sandbox = spawn(program[0], [program[1], '--enviroments', '1'], { stdio: 'ignore' });
    assert.notEqual((await once(sandbox, 'exit'))[0], 0);
  });

  it('says in a line what is wrong with an option', async (test) => {
    const server = createServer().listen(0, '127.0.0.1');
    test.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const [options, words] of [
      [['--revisions', '0'], /^revisions must be .* at least 1, not 0\n$/],
      [['--port', '99999'], /^.*65536.*\n$/],
      [['--port', String(port)], new RegExp(`^Port ${port} is taken.*\\n$`)],
    ] as const) {
      const sandbox = spawn(program[0], [program[1], ...options], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const [errors, [code]] = await Promise.all([text(sandbox.stderr), once(sandbox, 'exit')]);
      assert.match(errors, words);
      assert.equal(code, 2);
    }
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`leaves no process and no file behind after ${signal}`, async () => {
      const sandbox = spawn(program[0], [program[1], ...small], output);
      const { where } = await firstLine(sandbox);
      await startPod(where);
      sandbox.kill(signal);
      await once(sandbox, 'exit');
      await leavesNothing(where);
    });
  }

  it('ends with its parent', async () => {
    const parent = spawn('bash', ['-c', '"$@" & wait', 'parent', ...program, ...small], output);
    const { where } = await firstLine(parent);
    parent.kill('SIGKILL');
    await leavesNothing(where);
  });

  it("ends with npm's parent, which npm itself outlives", async (context) => {
    if (process.platform !== 'linux') return context.skip('a process cannot see its grandparent here');
    const script = 'bash -c \'"$@" & wait; :\' npm "$@" & wait';
    const grandparent = spawn('bash', ['-c', script, 'grandparent', ...program, ...small], {
      ...output,
      env: { ...process.env, npm_lifecycle_event: 'sandbox' },
    });
    const { where } = await firstLine(grandparent);
    grandparent.kill('SIGKILL');
    await leavesNothing(where);
    return undefined;
  });

  it('takes its processes along when it is killed with SIGKILL', async (context) => {
    if (process.platform !== 'linux') return context.skip('needs parent-death signals');
    const sandbox = spawn(program[0], [program[1], ...small], output);
    const { where } = await firstLine(sandbox);
    await startPod(where);
    assert.notDeepEqual(processesOf(where), []);
    sandbox.kill('SIGKILL');
    await once(sandbox, 'exit');
    await becomes('its processes are gone', () => processesOf(where).length === 0);
    // Nobody is left who could remove its files.
    rmSync(dirname(where.storage), { recursive: true });
    return undefined;
  });
});
