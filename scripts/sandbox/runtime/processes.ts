import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { exitCode, findTool, signal, spawned } from './child.ts';
import { assertExecutable } from './executable.ts';
import type { ContainerRuntime, ContainerSpec, ExecProcess, RunningContainer } from './runtime.ts';

/**
 * The stand-in where Linux namespaces are not to be had (macOS, an ordinary user): containers are
 * plain processes. Volumes are directories under `directory`; wherever an argument or a variable
 * names a volume's mount path, that directory is put in its place.
 */
export function processRuntime(directory: string): ContainerRuntime {
  return { isolated: false, start: (spec) => start(directory, spec) };
}

async function start(directory: string, spec: ContainerSpec): Promise<RunningContainer> {
  const volumes = mkdtempSync(`${directory}/pod-`);
  const here = translate(spec, volumes);
  const env = Object.fromEntries(Object.entries(spec.env).map(([name, value]) => [name, here(value)]));
  const run = async (command: readonly string[], log: number | 'ignore' | undefined) => {
    const [program = '', ...args] = command.map(here);
    await assertExecutable([program], { root: '', searchPath: env['PATH'] ?? '' });
    const setpriv = findTool('setpriv');
    const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
    const [file = '', ...rest] = [...guard, program, ...args];
    const stdio = log === undefined ? ('pipe' as const) : (['ignore', log, log] as const);
    const child = spawn(file, rest, { cwd: volumes, env, stdio: stdio as 'pipe', detached: true });
    const exited = exitCode(child, log === undefined ? 'close' : 'exit');
    await spawned(child);
    return { child, exited };
  };

  const log = spec.logFile === undefined ? ('ignore' as const) : openSync(spec.logFile, 'a');
  const main = await run(spec.command, log);
  if (log !== 'ignore') closeSync(log);
  const groups = new Set([main.child.pid ?? 0]);
  const killAll = () => {
    for (const group of groups) signal(-group, 'SIGKILL');
  };
  const exited = main.exited.finally(async () => {
    killAll();
    await rm(volumes, { recursive: true, force: true });
  });

  return {
    exited,
    exec: async (command): Promise<ExecProcess> => {
      const { child, exited: ended } = await run(command, undefined);
      const group = child.pid ?? 0;
      groups.add(group);
      void ended.then(() => groups.delete(group));
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited: ended };
    },
    // Not process 1 here: `sleep` obeys a SIGTERM that it would ignore in a real container.
    terminate: () => signal(-(main.child.pid ?? 0), 'SIGTERM'),
    kill: async () => {
      killAll();
      await exited;
    },
  };
}

/** Rewrites mount paths, the longest first, to where the volumes are on this machine. */
function translate({ mounts }: ContainerSpec, volumes: string): (text: string) => string {
  const places = mounts.map((mount, index) => {
    if (mount.kind === 'bind') return { path: mount.path, place: mount.source };
    const place = `${volumes}/${index}`;
    mkdirSync(place, { mode: 0o700 });
    return { path: mount.path, place };
  });
  places.sort((a, b) => b.path.length - a.path.length);
  return (text) => places.reduce((rest, { path, place }) => rest.replaceAll(path, place), text);
}
