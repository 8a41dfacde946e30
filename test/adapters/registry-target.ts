/** An adapter under test, and the registry that it speaks to. */
import assert from 'node:assert/strict';
import { RegistryError, type RegistryFailure } from '../../src/domain/errors.ts';
import type { Repository } from '../../src/domain/names.ts';
import type { Credentials, Registry } from '../../src/ports.ts';
import type { RegistryOptions, TestRegistry } from '../support/registry.ts';

interface RegistryTarget {
  readonly host: string;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

/** Builds the adapter, ready to be used; `dispose` is called after each test. */
export type RegistryFactory = (
  target: RegistryTarget,
) => Promise<{ readonly registry: Registry; dispose(): Promise<void> }>;

export interface ContractOptions {
  /** Whether the adapter can take tags off their manifests. Default: yes. */
  readonly untags?: boolean;
  /** What the registries keep their content in. Default: files. */
  readonly storage?: Pick<RegistryOptions, 'storage' | 'redirects' | 'readDelayMs'>;
}

/** The tags that are left, sorted. In an object store there are no folders: without tags, the repository is gone. */
export async function tagsLeft(server: TestRegistry, repository: Repository): Promise<readonly string[]> {
  return (await server.tags(repository)) ?? [];
}

/** Runs a test with an adapter of its own. */
export async function useRegistry(
  factory: RegistryFactory,
  target: Omit<RegistryTarget, 'signal'>,
  test: (registry: Registry, control: AbortController) => Promise<void>,
): Promise<void> {
  const control = new AbortController();
  const { registry, dispose } = await factory({ ...target, signal: control.signal });
  try {
    await test(registry, control);
  } finally {
    await registry.close();
    await dispose();
  }
}

const TRIES = 20;

/**
 * The outcome of a call after the registry was restarted. Of a connection that this has cut one may hear late, through a
 * pod above all: then the call fails for the moment, and is made once more, as the program does.
 */
export async function afterRestart<Value>(call: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries += 1)
    try {
      return await call();
    } catch (error) {
      const isTemporary = error instanceof RegistryError && error.failure === 'temporary';
      if (!isTemporary || tries === TRIES) throw error;
    }
}

/** The error of a call that has to fail in that way. */
export async function failureOf(call: Promise<unknown>, failure: RegistryFailure): Promise<RegistryError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof RegistryError, String(error));
    assert.equal(error.failure, failure, error.message);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
    assert.doesNotMatch(error.message, /[\x00-\x1f]|level=/);
    return error;
  }
  assert.fail(`It did not fail (${failure} expected).`);
}
