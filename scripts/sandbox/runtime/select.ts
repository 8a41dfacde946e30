import { findNamespaceTools, namespaceRuntime } from './namespaces.ts';
import { processRuntime } from './processes.ts';
import type { ContainerRuntime } from './runtime.ts';

/** On a busy machine making one can fail that succeeds a moment later, and what is less strict shows less. */
const TRIES = 3;

/**
 * The strictest runtime that works here: namespaces if a first container can really be made
 * (a container without privileges, a kernel without overlayfs cannot), plain processes otherwise.
 */
export async function selectRuntime(directory: string): Promise<ContainerRuntime> {
  const tools = findNamespaceTools();
  if (tools === undefined) return processRuntime(directory);
  const runtime = namespaceRuntime(tools, directory);
  for (let tries = 0; tries < TRIES; tries += 1) if (await works(runtime)) return runtime;
  return processRuntime(directory);
}

async function works(runtime: ContainerRuntime): Promise<boolean> {
  try {
    const container = await runtime.start({
      command: ['true'],
      env: { PATH: '/usr/bin:/bin' },
      workingDir: '/',
      uid: 65532,
      gid: 65532,
      readOnlyRoot: true,
      network: false,
      mounts: [],
    });
    return (await container.exited) === 0;
  } catch {
    return false;
  }
}
