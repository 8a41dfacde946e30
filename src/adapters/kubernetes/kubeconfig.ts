/** Finds and reads the kubeconfig. Nothing is asked of the cluster here; every fault is the user's to mend. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { UsageError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import { loadClientLibrary } from './client-library.ts';
import { type Environment, proxyFromEnvironment } from './proxy.ts';

export interface KubeconfigOptions {
  /** Path; without it `KUBECONFIG`, then `~/.kube/config`, then the service account of the pod that we run in. */
  readonly kubeconfig?: string | undefined;
  /** Without it the kubeconfig's current context. */
  readonly context?: string | undefined;
  /** Where `KUBECONFIG`, `HOME` and the proxy variables are read. */
  readonly environment: Environment;
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

type ClientLibrary = Awaited<ReturnType<typeof loadClientLibrary>>;

/**
 * The kubeconfig with its context chosen and the environment's proxy filled in.
 *
 * @throws UsageError
 */
export async function loadKubeconfig(options: KubeconfigOptions): Promise<KubeConfig> {
  const library = await loadClientLibrary();
  const config = readConfig(library, options);
  selectContext(config, options.context);
  checkServer(config, options.environment);
  return config;
}

function readConfig(library: ClientLibrary, { kubeconfig, environment }: KubeconfigOptions): KubeConfig {
  if (kubeconfig !== undefined) return readFiles(library, [kubeconfig]);
  const listed = (environment.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) {
    // Like kubectl: files of the list that are not there are passed over.
    const present = listed.filter((path) => existsSync(path));
    return readFiles(library, present.length > 0 ? present : listed.slice(0, 1));
  }
  const usual = join(environment.HOME || homedir(), '.kube', 'config');
  if (existsSync(usual)) return readFiles(library, [usual]);
  if (existsSync(SERVICE_ACCOUNT_TOKEN) && environment.KUBERNETES_SERVICE_HOST) {
    const config = new library.KubeConfig();
    config.loadFromCluster();
    return config;
  }
  throw new UsageError(`There is no kubeconfig: neither KUBECONFIG nor ${plainText(usual)} leads to one.`, {
    next: 'Give one with --kubeconfig. Without a cluster, `npm run demo` shows the whole thing on this machine.',
  });
}

function readFiles(library: ClientLibrary, paths: readonly string[]): KubeConfig {
  const [config, ...more] = paths.map((path) => readFile(library, path));
  if (config === undefined) throw new UsageError('No kubeconfig was given.');
  for (const other of more) merge(config, other);
  return config;
}

function readFile(library: ClientLibrary, path: string): KubeConfig {
  const config = new library.KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (error) {
    throw new UsageError(`The kubeconfig ${plainText(path)} ${whyUnreadable(error)}.`, {
      next: 'Check the path, or give another file with --kubeconfig.',
    });
  }
  return config;
}

/** As kubectl merges: of two entries with one name the first counts (client-node would refuse the second). */
function merge(config: KubeConfig, other: KubeConfig): void {
  const missing = <Entry extends { name: string }>(ours: Entry[], theirs: Entry[]) =>
    theirs.filter((entry) => !ours.some(({ name }) => name === entry.name));
  for (const cluster of missing(config.clusters, other.clusters)) config.addCluster(cluster);
  for (const user of missing(config.users, other.users)) config.addUser(user);
  for (const context of missing(config.contexts, other.contexts)) config.addContext(context);
  if (!config.getCurrentContext()) config.setCurrentContext(other.getCurrentContext());
}

/** The parser's own message is left out, and so is the cause: both quote the file, which holds secrets. */
function whyUnreadable(error: unknown): string {
  const { code, mark } = error as { code?: unknown; mark?: { line?: number } };
  if (code === 'ENOENT') return 'does not exist';
  if (typeof code === 'string') return `cannot be read (${code})`;
  const line = typeof mark?.line === 'number' ? `, at line ${mark.line + 1}` : '';
  return `is not a valid kubeconfig${line}`;
}

function selectContext(config: KubeConfig, wanted: string | undefined): void {
  const names = config.contexts.map(({ name }) => plainText(name, 100));
  const there = names.length > 0 ? `It has: ${names.join(', ')}.` : 'It has no contexts at all.';
  const name = wanted ?? config.getCurrentContext();
  if (!name)
    throw new UsageError('The kubeconfig has no current context.', {
      next: `Choose one with --context. ${there}`,
    });
  if (!config.getContextObject(name))
    throw new UsageError(`The kubeconfig has no context "${plainText(name, 100)}".`, {
      next: `Choose one with --context. ${there}`,
    });
  config.setCurrentContext(name);
}

function checkServer(config: KubeConfig, environment: Environment): void {
  const context = plainText(config.getCurrentContext(), 100);
  const cluster = config.getCurrentCluster();
  if (!cluster || !config.getCurrentUser())
    throw new UsageError(
      `The context "${context}" names a ${cluster ? 'user' : 'cluster'} that the kubeconfig lacks.`,
      { next: 'Mend the kubeconfig, or choose another context with --context.' },
    );
  const server = URL.canParse(cluster.server) ? new URL(cluster.server) : undefined;
  const acceptable =
    server?.protocol === 'https:' || (server?.protocol === 'http:' && cluster.skipTLSVerify === true);
  if (!server || !acceptable)
    throw new UsageError(`The server of context "${context}" is no https:// address.`, {
      next: 'Mend the kubeconfig. A plain http:// server also needs insecure-skip-tls-verify: true.',
    });
  if (cluster.proxyUrl) {
    if (URL.canParse(cluster.proxyUrl)) return;
    throw new UsageError(`The proxy-url of context "${context}" is no address.`, {
      next: 'Mend the kubeconfig.',
    });
  }
  const proxyUrl = proxyFromEnvironment(server, environment);
  if (proxyUrl === undefined) return;
  // The fields of a cluster are read-only: it is replaced by a copy.
  config.clusters = config.clusters.map((each) => (each === cluster ? { ...cluster, proxyUrl } : each));
}
