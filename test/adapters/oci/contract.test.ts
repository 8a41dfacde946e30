import { createDirectDialer } from '../../../src/adapters/oci/direct-dialer.ts';
import { createOciRegistry } from '../../../src/adapters/oci/registry.ts';
import { testRegistryContract } from '../registry-contract.ts';
import type { RegistryFactory } from '../registry-target.ts';

const direct: RegistryFactory = async ({ host, credentials, signal }) => {
  const { hostname, port } = new URL(`http://${host}`);
  const registry = createOciRegistry({
    ...{ credentials, signal },
    registry: host,
    tls: undefined,
    dialer: createDirectDialer({ host: hostname, port: Number(port), connectTimeoutMs: 10_000 }),
    concurrency: 8,
    run: `contract-${process.pid}`,
    routeName: 'direct',
  });
  return { registry, dispose: async () => {} };
};

testRegistryContract('The direct route', direct);
testRegistryContract('The direct route to a slow object store', direct, {
  storage: { storage: 'object-store', redirects: true, readDelayMs: 5 },
});
