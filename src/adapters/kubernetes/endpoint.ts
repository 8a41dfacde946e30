/**
 * The API server of the chosen context, and what a connection to it needs: TLS, credentials, proxy. Requests and
 * WebSockets take the same way (client-node itself has two, with different proxy code).
 */
import type { Agent, RequestOptions } from 'node:https';
import { sep } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { UnreachableError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import { abortable } from './abort.ts';
import { hasStatus, type Place } from './api-error.ts';
import { systemAuthorities } from './authorities.ts';
import { redactedProxy } from './proxy.ts';

export interface Endpoint {
  readonly place: Place;
  /** The address of a path (with its query) on the server, which may itself live under a path. */
  url(path: string): URL;
  /** The TLS, proxy and credential options of one connection. Rejects with an `UnreachableError`. */
  connection(signal: AbortSignal): Promise<RequestOptions>;
  /**
   * To be told when the server accepts the credentials of a connection no longer (401): a plugin is then asked anew for
   * the next one. `false` when there is no plugin, and the next one would have the same.
   */
  dropCredentials(connection: RequestOptions): boolean;
}

/** @param connectTimeoutMs bounds how long a proxy may take to make the connection. */
export function createEndpoint(kubeconfig: KubeConfig, connectTimeoutMs: number): Endpoint {
  let config = kubeconfig;
  const origins = new WeakMap<RequestOptions, KubeConfig>();
  const { server = '', proxyUrl, caData, caFile } = config.getCurrentCluster() ?? {};
  const ca = caData || caFile ? undefined : systemAuthorities();
  const place: Place = {
    server: plainText(server),
    context: plainText(config.getCurrentContext(), 100),
    proxy: proxyUrl ? redactedProxy(proxyUrl) : undefined,
  };
  return {
    place,
    url: (path) => new URL(server.replace(/\/+$/, '') + path),
    async connection(signal) {
      const options: RequestOptions = { timeout: connectTimeoutMs, ...(ca && { ca }) };
      const origin = config;
      try {
        // Not bounded in time: a credential plugin may wait for a login in a browser.
        await abortable(origin.applyToHTTPSOptions(options), signal);
      } catch (error) {
        signal.throwIfAborted();
        throw credentialFailure(config, error, place);
      }
      renewCertificate(options);
      trimToken(options);
      origins.set(options, origin);
      return options;
    },
    dropCredentials(connection) {
      if (pluginOf(config) === undefined) return false;
      // Of several that are told at once, the first has the plugin asked; the others wait for no further one.
      if (origins.get(connection) === config) config = withoutCache(config);
      return true;
    },
  };
}

/**
 * Does something over a connection, and once more when the server answers 401: it has done nothing then, and may have
 * taken a plugin's credentials back before their time.
 */
export async function authenticated<Result>(
  endpoint: Endpoint,
  signal: AbortSignal,
  attempt: (connection: RequestOptions) => Promise<Result>,
): Promise<Result> {
  const connection = await endpoint.connection(signal);
  try {
    return await attempt(connection);
  } catch (error) {
    if (!hasStatus(error, 401) || !endpoint.dropCredentials(connection)) throw error;
  }
  return attempt(await endpoint.connection(signal));
}

/** client-node keeps what a plugin gave, in places of its own, until it expires: only a copy knows nothing of it. */
function withoutCache(config: KubeConfig): KubeConfig {
  const copy = new (config.constructor as new () => KubeConfig)();
  const { clusters, contexts, users, currentContext } = config;
  copy.loadFromOptions({ clusters, contexts, users, currentContext });
  return copy;
}

function pluginOf(config: KubeConfig): { command?: string } | undefined {
  const user = config.getCurrentUser();
  return user?.exec ?? user?.authProvider?.config?.exec;
}

/** client-node keeps one agent, with the client certificate of its first use; a plugin's certificates expire. */
function renewCertificate({ agent, cert, key }: RequestOptions): void {
  const { options } = agent as Agent;
  if (cert !== undefined) options.cert = cert;
  if (key !== undefined) options.key = key;
}

/** A token's file mostly ends with a line break, which client-node would send. */
function trimToken({ headers }: RequestOptions): void {
  const { Authorization: token } = (headers ?? {}) as { Authorization?: string };
  if (token !== undefined) Object.assign(headers ?? {}, { Authorization: token.trim() });
}

function credentialFailure(config: KubeConfig, error: unknown, place: Place): UnreachableError {
  const user = config.getCurrentUser();
  const exec = pluginOf(config);
  const who = `for user "${plainText(user?.name ?? '', 100)}" of context ${place.context}`;
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const unreadable = code !== undefined && path !== undefined && !syscall?.startsWith('spawn');
  if (exec && !unreadable)
    return new UnreachableError(
      `The credential plugin "${plainText(exec.command ?? '', 100)}" ${who} failed: ${pluginTrouble(error)}.`,
      {
        next: 'Run a kubectl command with this context: it shows what the plugin asks for (often a new login).',
      },
    );
  const why = unreadable ? `: ${plainText(path)} cannot be read (${code})` : '';
  return new UnreachableError(`The kubeconfig's credentials ${who} cannot be used${why}.`, {
    next: 'Check that kubectl works with this context.',
  });
}

/** A plugin's standard error is told; what it printed as a credential is not, nor is it kept as a cause. */
function pluginTrouble(error: unknown): string {
  if (error instanceof SyntaxError || error instanceof TypeError) return 'it printed no valid ExecCredential';
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `there is no such program${path?.includes(sep) ? '' : ' on the PATH'}`;
  return plainText(message ?? '') || 'it said nothing';
}
