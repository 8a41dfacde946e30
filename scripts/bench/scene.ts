/** A sandbox for one measurement, and the program and others at work in it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/index.ts';

export interface Scene {
  readonly sandbox: Sandbox;
  /** An empty folder for what the measured programs write. */
  readonly folder: string;
  /** Ends the measurement. */
  readonly life: AbortSignal;
}

/** Nothing but the images that are asked for: no twins, no indexes, no tags of others. */
const PLAIN: SandboxOptions = { legacy: 0, curiosities: false };

/** For what needs deletion enabled, and cannot do it by itself. */
export const DELETES: SandboxOptions = {
  registryEnv: [{ name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'true' }],
};

/** Measures in a sandbox of its own, which is gone when it returns. */
export async function inSandbox<T>(
  options: SandboxOptions,
  { life, measure }: { readonly life: AbortSignal; readonly measure: (scene: Scene) => Promise<T> },
): Promise<T> {
  life.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), 'docker-registry-cleaner-bench-'));
  try {
    const sandbox = await startSandbox({ ...PLAIN, ...options }, { signal: life });
    try {
      return await measure({ sandbox, folder, life });
    } finally {
      await sandbox.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
