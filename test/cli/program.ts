/** The real program as a process, in a place of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { compileCache } from '../support/compile-cache.ts';

const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Place {
  readonly folder: string;
  readonly stateDir: string;
  /** Starts the program with its files in this place. */
  start(argv: readonly string[], environment?: Readonly<Record<string, string>>): ChildProcess;
  run(argv: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended>;
}

/** A folder with a state folder and an environments file, and nothing of the user's own. */
export function placeFor(test: TestContext, environments = '62798b9bee0eb12322fc97e8 31\n'): Place {
  const folder = mkdtempSync(join(tmpdir(), 'cli-test-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  const stateDir = join(folder, 'state');
  writeFileSync(join(folder, 'environments'), environments);
  const start: Place['start'] = (argv, environment = {}) => {
    const { PATH = '' } = process.env;
    const program = spawn(process.execPath, [CLI, ...argv], {
      cwd: folder,
      env: {
        PATH,
        HOME: folder,
        ...compileCache(),
        REGISTRY_CLEANER_STATE_DIR: stateDir,
        REGISTRY_CLEANER_ENVIRONMENTS: join(folder, 'environments'),
        ...environment,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    test.after(() => void program.kill('SIGKILL'));
    return program;
  };
  return { folder, stateDir, start, run: (...given) => ended(start(...given)) };
}

/** Waits for its end, and gives all that it has said. */
export async function ended(program: ChildProcess): Promise<Ended> {
  const { stdout, stderr } = program;
  if (!stdout || !stderr) throw new TypeError('its output is not piped');
  const [[code], out, errors] = await Promise.all([once(program, 'close'), text(stdout), text(stderr)]);
  return { code, stdout: out, stderr: errors };
}

/** An API server that lets connections in and never answers; resolves `asked` with the first one. */
export async function silentServer(test: TestContext, { folder }: Place): Promise<{ asked: Promise<void> }> {
  const asked = Promise.withResolvers<void>();
  const server: Server = createServer((socket) => {
    // Read, so that the client's end is seen.
    socket.on('error', () => {}).resume();
    asked.resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('it listens on no port');
  writeKubeconfig(folder, `https://127.0.0.1:${address.port}`);
  return { asked: asked.promise };
}

/** The user's own kubeconfig, in the place where it usually is. */
export function writeKubeconfig(folder: string, server: string): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'prod',
    clusters: [{ name: 'c', cluster: { server } }],
    contexts: [{ name: 'prod', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user: {} }],
  };
  mkdirSync(join(folder, '.kube'), { recursive: true });
  writeFileSync(join(folder, '.kube', 'config'), JSON.stringify(config));
}
