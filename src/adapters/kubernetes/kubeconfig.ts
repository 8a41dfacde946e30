/** Finds and reads the kubeconfig. Nothing is asked of the cluster here; every fault is the user's to mend. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { UsageError } from '../../domain/errors.ts';
import { isObject } from '../../domain/json.ts';
import { plainText } from '../../domain/text.ts';
import { loadClientLibrary, parseYaml } from './client-library.ts';
import { withExecInfo } from './credential-plugin.ts';
import {
  type Fields,
  fieldText,
  type KubeconfigEntries,
  kubeconfigEntries,
  mergeEntries,
} from './kubeconfig-file.ts';
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

/** client-node would drop these without a word, and the cluster would take us for somebody else. */
const REFUSED_USER_FIELDS = ['as-groups', 'as-uid', 'as-user-extra'];

/**
 * The kubeconfig with its context chosen and the environment's proxy filled in. Like kubectl it looks at nothing but
 * what that context uses.
 *
 * @throws UsageError
 */
export async function loadKubeconfig(options: KubeconfigOptions): Promise<KubeConfig> {
  const { KubeConfig } = await loadClientLibrary();
  const config = new KubeConfig();
  const paths = findFiles(options);
  if (paths === undefined) config.loadFromCluster();
  else fill(config, mergeEntries(paths.map(readFile)), options.context);
  checkContext(options.context ?? config.getCurrentContext(), [config.getCurrentContext()]);
  checkServer(config, options.environment);
  return config;
}

/** `undefined` stands for the service account of the pod that we run in. */
function findFiles({ kubeconfig, environment }: KubeconfigOptions): readonly string[] | undefined {
  if (kubeconfig !== undefined) return [kubeconfig];
  const listed = (environment.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) {
    // Like kubectl: files of the list that are not there are passed over.
    const present = listed.filter((path) => existsSync(path));
    return present.length > 0 ? present : listed.slice(0, 1);
  }
  const usual = join(environment.HOME || homedir(), '.kube', 'config');
  if (existsSync(usual)) return [usual];
  if (existsSync(SERVICE_ACCOUNT_TOKEN) && environment.KUBERNETES_SERVICE_HOST) return undefined;
  throw new UsageError(`There is no kubeconfig: neither KUBECONFIG nor ${plainText(usual)} leads to one.`, {
    next: 'Give one with --kubeconfig. Without a cluster, `npm run demo` shows the whole thing on this machine.',
  });
}

function readFile(path: string): KubeconfigEntries {
  try {
    return kubeconfigEntries(parseYaml(readFileSync(path, 'utf8')), dirname(path));
  } catch (error) {
    throw new UsageError(`The kubeconfig ${plainText(path)} ${whyUnreadable(error)}.`, {
      next: 'Check the path, or give another file with --kubeconfig.',
    });
  }
}

/** The parser's own message is left out, and so is the cause: both quote the file, which holds secrets. */
function whyUnreadable(error: unknown): string {
  const { code, mark } = error as { code?: unknown; mark?: { line?: number } };
  if (code === 'ENOENT') return 'does not exist';
  if (typeof code === 'string') return `cannot be read (${code})`;
  const line = typeof mark?.line === 'number' ? `, at line ${mark.line + 1}` : '';
  return `is not a valid kubeconfig${line}`;
}

/** Gives client-node the chosen context, with its cluster and user, in words that it understands. */
function fill(config: KubeConfig, entries: KubeconfigEntries, wanted: string | undefined): void {
  const name = wanted ?? entries.currentContext;
  checkContext(name, [...entries.contexts.keys()]);
  const context = entries.contexts.get(name) ?? {};
  const used = (kind: 'cluster' | 'user', all: ReadonlyMap<string, Fields>) => {
    const wantedName = fieldText(context, kind);
    const fields = all.get(wantedName);
    if (fields !== undefined) return { name: wantedName, fields };
    const what = wantedName === '' ? `no ${kind}` : `a ${kind} that the kubeconfig lacks`;
    throw new UsageError(`The context "${plainText(name, 100)}" names ${what}.`, {
      next: 'Mend the kubeconfig, or choose another context with --context.',
    });
  };
  const cluster = used('cluster', entries.clusters);
  const user = used('user', entries.users);
  config.loadFromString(
    JSON.stringify({
      'current-context': name,
      contexts: [{ name, context: { cluster: cluster.name, user: user.name } }],
      clusters: [{ name: cluster.name, cluster: cluster.fields }],
      users: [{ name: user.name, user: understoodUser(user, cluster.fields) }],
    }),
    // Leaves a cluster without a server to `checkServer`.
    { onInvalidEntry: 'filter' },
  );
}

function understoodUser({ name, fields }: { name: string; fields: Fields }, cluster: Fields): Fields {
  const refused = REFUSED_USER_FIELDS.find((field) => !isEmpty(fields[field]));
  if (refused !== undefined)
    throw new UsageError(
      `The user "${plainText(name, 100)}" of the kubeconfig has the field ${refused}, which this program cannot honour.`,
      { next: 'Choose a context whose user has no such field with --context; "as" alone is honoured.' },
    );
  const tokenFile = fieldText(fields, 'tokenFile');
  if (tokenFile === '')
    return isObject(fields['exec']) ? { ...fields, exec: withExecInfo(fields['exec'], cluster) } : fields;
  // Like kubectl, a token's file goes before a token, and either before a plugin. It is read anew every minute.
  const { token: _token, exec: _exec, ...rest } = fields;
  return { ...rest, 'auth-provider': { name: 'tokenFile', config: { tokenFile } } };
}

/** As Go writes out what is not set. */
function isEmpty(value: unknown): boolean {
  return !value || (typeof value === 'object' && Object.keys(value).length === 0);
}

function checkContext(name: string, names: readonly string[]): void {
  const shown = names.map((each) => plainText(each, 100));
  const next = `Choose one with --context. ${names.length > 0 ? `It has: ${shown.join(', ')}.` : 'It has no contexts at all.'}`;
  if (name === '') throw new UsageError('The kubeconfig has no current context.', { next });
  if (!names.includes(name))
    throw new UsageError(`The kubeconfig has no context "${plainText(name, 100)}".`, { next });
}

function checkServer(config: KubeConfig, environment: Environment): void {
  const context = plainText(config.getCurrentContext(), 100);
  const cluster = config.getCurrentCluster();
  const server = cluster && URL.canParse(cluster.server) ? new URL(cluster.server) : undefined;
  const acceptable =
    server?.protocol === 'https:' || (server?.protocol === 'http:' && cluster?.skipTLSVerify === true);
  if (!cluster || !server || !acceptable)
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
