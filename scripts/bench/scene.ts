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

/** One repository of the newer naming scheme. */
export interface Content {
  readonly tags: number;
  readonly doomed: number;
  readonly sandbox: Pick<SandboxOptions, 'environments' | 'revisions' | 'retained'>;
}

/** So many tags, of which some are retained, of ten environments alike; or a share of that, but a doomed tag of each. */
export function contentOf(given: {
  readonly tags: number;
  readonly retained: number;
  readonly share: number;
}) {
  const environments = 10;
  const retained = Math.max(1, Math.round((given.retained * given.share) / environments));
  const revisions = Math.max(retained + 1, Math.round((given.tags * given.share) / environments));
  return {
    tags: environments * revisions,
    doomed: environments * (revisions - retained),
    sandbox: { environments, revisions, retained },
  } satisfies Content;
}

/** Nothing but the images that are asked for: no twins, no indexes, no tags of others. */
const PLAIN: SandboxOptions = { legacy: 0, curiosities: false };

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
