/** The registry by each of the routes. */
import { readCertificates } from '../adapters/input-file.ts';
import { createLocalShell, type LocalShell } from '../adapters/local-shell.ts';
import { createDirectDialer } from '../adapters/oci/direct-dialer.ts';
import { createOciRegistry } from '../adapters/oci/registry.ts';
import { createSkopeoRegistry } from '../adapters/skopeo/registry.ts';
import type { Connection } from '../commands/world.ts';
import type { Route } from '../domain/route.ts';
import type { Options } from '../options.ts';
import type { Credentials, Dialer, Registry, Shell } from '../ports.ts';

const CONNECT_TIMEOUT_MS = 15_000;

export interface RegistryRequest {
  readonly options: Options;
  readonly connection: Connection;
  readonly credentials: Credentials | undefined;
  /** The run's ID. */
  readonly run: string;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/** What was opened, for the end of the program. */
export interface OpenedRegistry {
  readonly registry: Registry;
  readonly localShell: LocalShell | undefined;
}

/** Opens the registry by the route that the options name. */
export async function openRegistry(request: RegistryRequest): Promise<OpenedRegistry> {
  const { via, localSkopeo } = request.options;
  if (via !== 'skopeo')
    return { registry: await overHttp(request, dialers[via](request)), localShell: undefined };
  const localShell = localSkopeo ? await createLocalShell() : undefined;
  return { registry: bySkopeo(request, localShell ?? request.connection.podShell), localShell };
}

/** How each route that speaks HTTP makes its connections. */
const dialers = {
  pod: ({ connection, options }) => connection.podDialer(addressOf(options)),
  'port-forward': ({ connection, options }) =>
    connection.portForward({
      port: addressOf(options).port,
      containerPort: options.registryContainerPort,
      container: options.registryContainer,
    }),
  direct: ({ options }) =>
    createDirectDialer({ ...addressOf(options), connectTimeoutMs: CONNECT_TIMEOUT_MS }),
} as const satisfies Readonly<Record<Exclude<Route, 'skopeo'>, (request: RegistryRequest) => Dialer>>;

async function overHttp({ options, ...request }: RegistryRequest, dialer: Dialer): Promise<Registry> {
  const { registry, via, concurrency, tlsCa, tlsInsecure } = options;
  const ca = tlsCa === undefined ? {} : { ca: await readCertificates(tlsCa) };
  return createOciRegistry({
    ...request,
    registry,
    dialer,
    tls: options.tls ? { ...ca, insecure: tlsInsecure } : undefined,
    concurrency,
    routeName: via,
  });
}

function bySkopeo({ options, ...request }: RegistryRequest, shell: Shell): Registry {
  const { registry, tls, concurrency } = options;
  return createSkopeoRegistry({ ...request, registry, tls, concurrency, shell });
}

/** The host, an IPv6 address without its brackets, and the port, or the protocol's own. */
function addressOf({ registry, tls }: Options): { host: string; port: number } {
  const [, host = registry, port] = /^(.*?)(?::([0-9]+))?$/.exec(registry) ?? [];
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? (tls ? 443 : 80) : Number(port),
  };
}
