/** Which of the workload's containers is the registry. */
import { RefusedError } from './errors.ts';
import { describe, type Workload, type WorkloadContainer } from './workload.ts';

/** The last part of the name decides: `registry:5000/proxy` is a proxy that comes from a registry. */
const REGISTRY_IMAGE = /(?:^|\/)(?:registry|docker-registry|distribution)(?:[:@][^/]*)?$/;

/**
 * Picks the registry's container: by the given name, else by name, port or image, else the only one.
 *
 * @throws RefusedError when it is ambiguous or not there.
 */
export function registryContainer(
  workload: Workload,
  wanted: { name?: string | undefined; port?: number | undefined },
): WorkloadContainer {
  const { containers } = workload;
  const names = containers.map((container) => container.name).join(', ');
  const here = `${describe(workload)} has the containers ${names}`;
  if (wanted.name !== undefined) {
    const named = containers.find((container) => container.name === wanted.name);
    if (named) return named;
    throw new RefusedError(`There is no container "${wanted.name}": ${here}.`, {
      next: 'Give one of these with --registry-container.',
    });
  }
  const tests: ((container: WorkloadContainer) => boolean)[] = [
    (container) => container.name === 'registry' || container.name === 'docker-registry',
    (container) => wanted.port !== undefined && container.ports.includes(wanted.port),
    (container) => REGISTRY_IMAGE.test(container.image),
    () => containers.length === 1,
  ];
  for (const test of tests) {
    const [match, ...more] = containers.filter(test);
    if (match && more.length === 0) return match;
  }
  throw new RefusedError(`It is not clear which container is the registry: ${here}.`, {
    next: 'Name it with --registry-container.',
  });
}
