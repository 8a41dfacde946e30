import { createLocalShell } from '../../../src/adapters/local-shell.ts';
import { createSkopeoRegistry } from '../../../src/adapters/skopeo/registry.ts';
import { testRegistryContract } from '../registry-contract.ts';
import type { RegistryFactory } from '../registry-target.ts';

const skopeo: RegistryFactory = async ({ host, credentials, signal }) => {
  const shell = createLocalShell();
  const registry = createSkopeoRegistry({
    ...{ shell, credentials, signal },
    registry: host,
    tls: false,
    concurrency: 4,
    run: `contract-${process.pid}`,
  });
  return { registry, dispose: async () => await shell[Symbol.asyncDispose]() };
};

testRegistryContract('Skopeo on this machine', skopeo, { untags: false });
