import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { hashSync } from 'bcryptjs';
import type { Image } from '../cluster/images.ts';
import type { Pod } from '../cluster/objects.ts';
import { findTool } from '../runtime/child.ts';
import type { RegistryStorage } from './storage.ts';

/** User that the registry's containers run as; its storage belongs to it. */
export const registryUser = 1000;

/** Where the registry's files are on this machine. */
export interface RegistryPlaces {
  /** Root directory of the `filesystem` storage driver; empty with an object store. */
  readonly storage: string;
  /** Directory with `config.yml` and `htpasswd`, mounted at `/etc/docker/registry`. */
  readonly config: string;
  /** Directory of the Unix sockets that the registry's processes listen on. */
  readonly sockets: string;
  /** Access log of all of the registry's processes. */
  readonly accessLog: string;
}

const socketDirectory = '/run/registry';
// The cheapest hash there is: every single request pays for it.
const bcryptRounds = 4;

/** Writes the registry's configuration: as Domino's, with Basic authentication and an access log. */
export function writeRegistryConfig(
  places: RegistryPlaces,
  given: {
    readonly user: { name: string; password: string };
    readonly storage: RegistryStorage;
    /** Whether manifests can be deleted. */
    readonly deletion: boolean;
  },
): void {
  const { user, storage, deletion } = given;
  // JSON is YAML.
  const sections = Object.entries(storage.configuration).map(
    ([name, section]) => `  ${name}: ${JSON.stringify(section)}`,
  );
  for (const directory of [places.config, places.sockets, places.storage])
    mkdirSync(directory, { recursive: true });
  const config = `version: 0.1
log:
  level: error
  accesslog:
    disabled: false
storage:
  cache:
    blobdescriptor: inmemory
${sections.join('\n')}
  delete:
    enabled: ${deletion}
http:
  addr: :5000
  secret: ${randomBytes(16).toString('hex')}
auth:
  htpasswd:
    realm: registry
    path: /etc/docker/registry/htpasswd
`;
  writeFileSync(`${places.config}/config.yml`, config);
  writeFileSync(`${places.config}/htpasswd`, `${user.name}:${hashSync(user.password, bcryptRounds)}\n`);
  writeFileSync(places.accessLog, '');
  chmodSync(places.sockets, 0o700);
  if (process.getuid?.() === 0) chownSync(places.sockets, registryUser, registryUser);
}

/** Socket of a pod's registry, instead of the port 5000 that each pod has to itself in a real cluster. */
export function socketOf({ sockets }: RegistryPlaces, { metadata }: Pod): string {
  return `${sockets}/${metadata.uid?.slice(0, 13)}`;
}

/**
 * The registry's image: a real Docker Distribution, under the name that this machine has for it.
 *
 * @throws if it is not installed
 */
export function registryImage(places: RegistryPlaces, storage: RegistryStorage): Image {
  const binary = ['docker-registry', 'registry'].map(findTool).find((path) => path !== undefined);
  if (binary === undefined) {
    throw new Error('no Docker Distribution registry found; install it (Debian, Ubuntu: docker-registry)');
  }
  return {
    // Its name, not the host of others: `docker-registry:5000/…`.
    matches: /(^|[/-])registry[:@][^/]*$/,
    entrypoint: [binary],
    command: ['serve', '/etc/docker/registry/config.yml'],
    wiring: (pod) => {
      const socket = socketOf(places, pod);
      return {
        env: {
          REGISTRY_HTTP_NET: 'unix',
          REGISTRY_HTTP_ADDR: `${socketDirectory}/${socket.slice(places.sockets.length + 1)}`,
          ...storage.env,
          REGISTRY_AUTH_HTPASSWD_PATH: '/etc/docker/registry/htpasswd',
        },
        mounts: [{ kind: 'bind', path: socketDirectory, source: places.sockets }],
        logFile: places.accessLog,
        answers: () => answers(socket),
      };
    },
  };
}

/** Whether a registry answers on a socket, be it only to ask who is there. */
function answers(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = request({ socketPath, path: '/v2/', timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 401);
    });
    probe.on('timeout', () => probe.destroy());
    probe.on('error', () => resolve(false));
    probe.end();
  });
}
