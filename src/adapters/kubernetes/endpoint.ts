/**
 * The API server of the chosen context, and what a connection to it needs: TLS, credentials, proxy. Requests and
 * WebSockets take the same way (client-node itself has two, with different proxy code).
 */
import type { Agent, RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { UnreachableError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import { abortable } from './abort.ts';
import type { Place } from './api-error.ts';
import { redactedProxy } from './proxy.ts';

export interface Endpoint {
  readonly place: Place;
  /** The address of a path (with its query) on the server, which may itself live under a path. */
  url(path: string): URL;
  /** The TLS, proxy and credential options of one connection. Rejects with an `UnreachableError`. */
  connection(signal: AbortSignal): Promise<RequestOptions>;
}

/** @param connectTimeoutMs bounds how long a proxy may take to make the connection. */
export function createEndpoint(config: KubeConfig, connectTimeoutMs: number): Endpoint {
  const { server = '', proxyUrl } = config.getCurrentCluster() ?? {};
  const place: Place = {
    server: plainText(server),
    context: plainText(config.getCurrentContext(), 100),
    proxy: proxyUrl ? redactedProxy(proxyUrl) : undefined,
  };
  return {
    place,
    url: (path) => new URL(server.replace(/\/+$/, '') + path),
    async connection(signal) {
      const options: RequestOptions = { timeout: connectTimeoutMs };
      try {
        // Not bounded in time: a credential plugin may wait for a login in a browser.
        await abortable(config.applyToHTTPSOptions(options), signal);
      } catch (error) {
        signal.throwIfAborted();
        throw credentialFailure(config, error, place);
      }
      renewCertificate(options);
      trimToken(options);
      return options;
    },
  };
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
  const exec: { command?: string } | undefined = user?.exec ?? user?.authProvider?.config?.exec;
  const who = `for user "${plainText(user?.name ?? '', 100)}" of context ${place.context}`;
  if (exec)
    return new UnreachableError(
      `The credential plugin "${plainText(exec.command ?? '', 100)}" ${who} failed: ${pluginTrouble(error)}.`,
      {
        next: 'Run a kubectl command with this context: it shows what the plugin asks for (often a new login).',
      },
    );
  const { code, path } = error as NodeJS.ErrnoException;
  const why = code !== undefined && path !== undefined ? `: ${plainText(path)} cannot be read (${code})` : '';
  return new UnreachableError(`The kubeconfig's credentials ${who} cannot be used${why}.`, {
    next: 'Check that kubectl works with this context.',
  });
}

/** A plugin's standard error is told; what it printed as a credential is not, nor is it kept as a cause. */
function pluginTrouble(error: unknown): string {
  if (error instanceof SyntaxError || error instanceof TypeError) return 'it printed no valid ExecCredential';
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such program on the PATH';
  return plainText(message ?? '') || 'it said nothing';
}
