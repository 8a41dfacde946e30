import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { exitCode, findTool, signal, spawned } from './child.ts';
import { assertExecutable } from './executable.ts';
import type { ContainerRuntime, ContainerSpec, ExecProcess, Mount, RunningContainer } from './runtime.ts';

const podRoot = `${import.meta.dirname}/pod-root.sh`;

interface Tools {
  readonly setpriv: string;
  readonly unshare: string;
  readonly nsenter: string;
}

/** The Linux programs that containers are made with, or undefined where they cannot be. */
export function findNamespaceTools(): Tools | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const [setpriv, unshare, nsenter] = ['setpriv', 'unshare', 'nsenter'].map(findTool);
  return setpriv && unshare && nsenter ? { setpriv, unshare, nsenter } : undefined;
}

/**
 * Containers out of Linux namespaces: own process tree, own mounts, own user, nothing inherited.
 * Every process dies with this one, also after a `kill -9`: each link of the chain asks the kernel
 * for that (parent-death signal), and a PID namespace dies with its process 1.
 *
 * @param directory where it may put what it needs; whoever owns it removes it
 */
export function namespaceRuntime(tools: Tools, directory: string): ContainerRuntime {
  const scratch = `${directory}/scratch`;
  mkdirSync(scratch);
  return { isolated: true, start: (spec) => start({ tools, scratch }, spec) };
}

async function start(
  { tools, scratch }: { readonly tools: Tools; readonly scratch: string },
  spec: ContainerSpec,
): Promise<RunningContainer> {
  await assertExecutable(spec.command, { root: '', searchPath: spec.env['PATH'] ?? '' });
  const log = spec.logFile === undefined ? undefined : openSync(spec.logFile, 'a');
  const child = spawn(
    tools.setpriv,
    [
      ...['--pdeathsig', 'KILL', '--', tools.unshare, '--mount', '--pid', '--fork', '--kill-child'],
      ...(spec.network ? [] : ['--net']),
      ...['--', podRoot, scratch, ...spec.mounts.flatMap(mountArguments)],
      ...(spec.readOnlyRoot ? ['--read-only'] : []),
      ...['--workdir', spec.workingDir, '--', ...asUser(tools, spec)],
      // Changing the user cleared the parent-death signal that unshare had set.
      ...[tools.setpriv, '--pdeathsig', 'KILL', '--', ...spec.command],
    ],
    { cwd: '/', env: { ...spec.env }, stdio: ['ignore', log ?? 'ignore', log ?? 'ignore', 'pipe'] },
  );
  if (log !== undefined) closeSync(log);
  const exited = exitCode(child, 'exit');
  await spawned(child);
  await rootStands(child);
  return new NamespaceContainer({ tools, spec, exited, init: await firstChild(child) });
}

function mountArguments(mount: Mount): string[] {
  if (mount.kind === 'bind') return ['--bind', mount.source, mount.path];
  const mode = mount.gid === 0 ? '0777' : '2777';
  return ['--tmpfs', mount.path, String(mount.sizeBytes), mode, '0', String(mount.gid)];
}

function asUser({ setpriv }: Tools, { uid, gid }: ContainerSpec): string[] {
  const user = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups'];
  return [setpriv, ...user, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--'];
}

/** Waits for the word of pod-root.sh that an exec may now enter. */
function rootStands(child: ChildProcess): Promise<void> {
  const ready = child.stdio[3] as Readable;
  return new Promise((resolve, reject) => {
    ready.once('data', () => {
      ready.destroy();
      resolve();
    });
    child.once('exit', (code) =>
      reject(new Error(`a container's root could not be built (exit code ${code})`)),
    );
  });
}

/** `unshare --fork` has one child: process 1 of the new PID namespace. */
async function firstChild(child: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').catch(() => '');
  return Number(children.trim().split(' ')[0] || 0);
}

class NamespaceContainer implements RunningContainer {
  readonly exited: Promise<number>;
  readonly #tools: Tools;
  readonly #spec: ContainerSpec;
  readonly #init: number;
  #over = false;
  #killed = false;

  constructor(made: { tools: Tools; spec: ContainerSpec; exited: Promise<number>; init: number }) {
    this.#tools = made.tools;
    this.#spec = made.spec;
    this.#init = made.init;
    this.exited = made.exited.then((code) => {
      this.#over = true;
      return this.#killed ? 137 : code;
    });
  }

  async exec(command: readonly string[]): Promise<ExecProcess> {
    const { setpriv, nsenter } = this.#tools;
    const root = `/proc/${this.#init}/root`;
    try {
      await assertExecutable(command, { root, searchPath: this.#spec.env['PATH'] ?? '' });
    } catch (error) {
      // Through a first process that is over no file is to be seen: that says nothing of the image.
      await access(root).catch(() => {
        throw new Error('OCI runtime exec failed: exec failed: cannot exec in a stopped container');
      });
      throw error;
    }
    const child = spawn(
      setpriv,
      [
        ...[
          '--pdeathsig',
          'KILL',
          '--',
          nsenter,
          '--target',
          String(this.#init),
          '--mount',
          '--pid',
          '--net',
        ],
        ...[`--wd=${root}${this.#spec.workingDir}`, '--', ...asUser(this.#tools, this.#spec), ...command],
      ],
      { cwd: '/', env: { ...this.#spec.env }, stdio: 'pipe' },
    );
    const exited = exitCode(child, 'close');
    await spawned(child);
    return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited };
  }

  terminate(): void {
    this.#signal('SIGTERM');
  }

  async kill(): Promise<void> {
    this.#killed = true; // unshare tells another code than a container runtime would
    this.#signal('SIGKILL');
    await this.exited;
  }

  #signal(name: NodeJS.Signals): void {
    // The number of a process that is over may belong to somebody else by now.
    if (!this.#over && this.#init > 0) signal(this.#init, name);
  }
}
