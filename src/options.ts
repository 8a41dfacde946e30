/** The options: one table for help and meaning, one merge, one frozen object. */
import { UsageError } from './domain/errors.ts';
import type { Scope } from './domain/estimate.ts';
import { type Route, speaksHttp } from './domain/route.ts';
import { type Strategy, strategies } from './domain/strategy.ts';
import type { VerifyMode } from './domain/verify.ts';
import { type OptionName, optionDefinitions, optionNames } from './options/definitions.ts';
import { type RawOptions, Values, wrong } from './options/values.ts';

interface Toleration {
  readonly key: string;
  readonly value?: string;
  readonly effect?: string;
}

/** Everything that is known before anything is read or asked. */
export interface Options {
  readonly delete: boolean;
  readonly yes: boolean;
  readonly resume: boolean;
  readonly fresh: boolean;
  readonly only: 'new' | 'legacy' | undefined;
  readonly allowAbsent: boolean;
  readonly maxDeletions: number | undefined;
  /** Percent. */
  readonly maxShare: number | undefined;
  /** SHA-256 of the plan that may be carried out, hex. */
  readonly plan: string | undefined;
  /** Namespaces in which images are in use; none: all. */
  readonly inUseNamespaces: readonly string[];
  readonly inUseFile: string | undefined;
  /** Goes on although it may not be seen everywhere what is in use. */
  readonly noInUseCheck: boolean;
  readonly allowEmptying: boolean;
  /** Within which time everything has to be over. */
  readonly stopAfter: { readonly text: string; readonly lengthMs: number } | undefined;
  /** How much of what stays is looked into after deleting. */
  readonly verifyMode: VerifyMode;
  /** How to find out what deleting will free. */
  readonly estimate: Scope;
  /** For a scan: how many of the newest revisions of each environment would be kept. */
  readonly keepLast: number;
  /** For a scan: how long an earlier look at a revision counts; 0: not at all. */
  readonly maxAgeMs: number;
  /** For a scan: the environments file to write. */
  readonly write: string | undefined;
  /** Collects garbage after deleting. */
  readonly reclaim: boolean;
  readonly dryRun: boolean;
  readonly allowUnseenUploads: boolean;
  readonly environments: string;
  readonly stateDir: string;
  /** The folder of the run that is to be undone. */
  readonly from: string | undefined;
  /** Where a copy of the report goes. */
  readonly report: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string;
  readonly secretNamespace: string;
  readonly secretName: string;
  readonly registry: string;
  readonly registryWorkload: string;
  readonly registryContainer: string | undefined;
  readonly registryContainerPort: number | undefined;
  readonly username: string | undefined;
  readonly via: Route;
  /** `undefined`: whatever is cheaper. */
  readonly strategy: Strategy | undefined;
  readonly tls: boolean;
  readonly tlsCa: string | undefined;
  readonly tlsInsecure: boolean;
  readonly concurrency: number;
  readonly rolloutTimeoutMs: number;
  readonly restoreTimeoutMs: number;
  readonly image: string;
  readonly imagePullPolicy: 'IfNotPresent' | 'Always' | 'Never';
  readonly imagePullSecrets: readonly string[];
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
  readonly podTimeoutMs: number;
  readonly localSkopeo: boolean;
  readonly output: 'text' | 'json';
}

const ENVIRONMENT_PREFIX = 'REGISTRY_CLEANER_';

/** `REGISTRY_CLEANER_STATE_DIR` stands for `--state-dir`, and so on. */
function variableOf(name: OptionName): string {
  return `${ENVIRONMENT_PREFIX}${name.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * Merges defaults < environment variables < flags.
 *
 * @param resolvePath makes a path that was given absolute; defaults are resolved by `resolveDefault`
 * @throws UsageError for a value that cannot be understood
 */
export function readOptions(given: {
  flags: RawOptions;
  environment: Readonly<Record<string, string | undefined>>;
  resolvePath: (path: string) => string;
  resolveDefault: (path: string) => string;
}): Options {
  const raw: RawOptions = { ...fromEnvironment(given.environment), ...given.flags };
  const value = new Values(raw);
  const path = (name: 'environments' | 'state-dir') =>
    raw[name] === undefined
      ? given.resolveDefault(optionDefinitions[name].default)
      : given.resolvePath(value.text(name));
  const kubeconfig = value.optional('kubeconfig');
  const inUseFile = value.optional('in-use-file');
  const from = value.optional('from');
  const report = value.optional('report');
  const write = value.optional('write');
  const registry = value.registry('registry');
  const localSkopeo = value.flag('local-skopeo');
  const via = readRoute(value, localSkopeo);
  const tls = value.flag('tls') || registry.scheme === 'https';
  const tlsCa = value.optional('tls-ca');
  if (value.text('estimate') === 'registry' && !speaksHttp(via))
    throw new UsageError('--estimate registry does not work with --via skopeo.', {
      next: 'Skopeo cannot tell which repositories there are: use another route.',
    });
  judgeTls(value, { via, tls, scheme: registry.scheme });
  return Object.freeze({
    delete: value.flag('delete'),
    yes: value.flag('yes'),
    resume: value.flag('resume'),
    fresh: value.flag('fresh'),
    only: value.optional('only') as Options['only'],
    allowAbsent: value.flag('allow-absent'),
    maxDeletions: value.limit('max-deletions', Number.MAX_SAFE_INTEGER),
    maxShare: value.limit('max-share', 100),
    plan: value.sha256('plan'),
    inUseNamespaces: value.names('in-use-namespaces'),
    inUseFile: inUseFile === undefined ? undefined : given.resolvePath(inUseFile),
    noInUseCheck: value.flag('no-in-use-check'),
    allowEmptying: value.flag('allow-emptying'),
    stopAfter: readStopAfter(value),
    verifyMode: value.text('verify') as VerifyMode,
    estimate: value.text('estimate') as Scope,
    keepLast: value.integer('keep-last', { least: 1, most: 1_000_000, preset: 3 }),
    maxAgeMs: value.age('max-age'),
    write: write === undefined ? undefined : given.resolvePath(write),
    reclaim: value.flag('reclaim'),
    dryRun: value.flag('dry-run'),
    allowUnseenUploads: value.flag('allow-unseen-uploads'),
    environments: path('environments'),
    stateDir: path('state-dir'),
    from: from === undefined ? undefined : given.resolvePath(from),
    report: report === undefined ? undefined : given.resolvePath(report),
    kubeconfig: kubeconfig === undefined ? undefined : given.resolvePath(kubeconfig),
    context: value.optional('context'),
    namespace: value.name('namespace'),
    secretNamespace: value.name('secret-namespace'),
    secretName: value.name('secret-name'),
    registry: registry.address,
    registryWorkload: value.text('registry-workload'),
    registryContainer: value.optional('registry-container'),
    registryContainerPort: value.port('registry-container-port'),
    username: value.optional('username'),
    via,
    strategy: strategies.find((strategy) => strategy === value.text('strategy')),
    tls,
    tlsCa: tlsCa === undefined ? undefined : given.resolvePath(tlsCa),
    tlsInsecure: value.flag('tls-insecure'),
    concurrency: value.integer('concurrency', { least: 1, most: 64, preset: via === 'skopeo' ? 8 : 16 }),
    rolloutTimeoutMs: value.duration('rollout-timeout'),
    restoreTimeoutMs: value.duration('restore-timeout'),
    image: value.text('image'),
    imagePullPolicy: value.text('image-pull-policy') as Options['imagePullPolicy'],
    imagePullSecrets: value.list('image-pull-secret'),
    podLabels: value.pairs('pod-label'),
    podAnnotations: value.pairs('pod-annotation'),
    nodeSelector: value.pairs('node-selector'),
    tolerations: value.list('toleration').map(parseToleration),
    podTimeoutMs: value.duration('pod-timeout'),
    localSkopeo,
    output: value.text('output') as Options['output'],
  });
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): RawOptions {
  const raw: RawOptions = {};
  const known = new Map(optionNames.map((name) => [variableOf(name), name]));
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || text === undefined || text === '') continue;
    const name = known.get(variable);
    // A mistyped context would otherwise be another cluster.
    if (name === undefined)
      throw new UsageError(`The environment variable ${variable} stands for no option.`, {
        next: `Unset it. ${ENVIRONMENT_PREFIX}STATE_DIR stands for --state-dir, and so on; see --help.`,
      });
    const { type } = optionDefinitions[name];
    if (type === 'list') raw[name] = text.split(',');
    else raw[name] = type === 'boolean' ? readBoolean(name, text) : text;
  }
  return raw;
}

function readBoolean(name: string, text: string): boolean {
  if (['true', '1', 'yes'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'no'].includes(text.toLowerCase())) return false;
  throw new UsageError(`The environment variable for --${name} is "${text}".`, {
    next: 'Set it to true or false.',
  });
}

function readStopAfter(value: Values): Options['stopAfter'] {
  const text = value.optional('stop-after');
  return text === undefined ? undefined : { text, lengthMs: value.duration('stop-after') };
}

function readRoute(value: Values, localSkopeo: boolean): Route {
  if (!localSkopeo) return value.text('via') as Route;
  if ((value.optional('via') ?? 'skopeo') === 'skopeo') return 'skopeo';
  throw new UsageError(`--local-skopeo and --via ${value.text('via')} contradict each other.`, {
    next: 'Leave one of them out.',
  });
}

function judgeTls(
  value: Values,
  given: { via: Route; tls: boolean; scheme: 'http' | 'https' | undefined },
): void {
  const needing: OptionName | undefined =
    value.optional('tls-ca') !== undefined
      ? 'tls-ca'
      : value.flag('tls-insecure')
        ? 'tls-insecure'
        : undefined;
  if (value.flag('tls') && given.scheme === 'http')
    throw new UsageError('--tls and http:// in --registry contradict each other.', {
      next: 'Give one of them.',
    });
  if (needing === undefined) return;
  if (!given.tls)
    throw new UsageError(`--${needing} is given without --tls.`, {
      next: 'Add --tls, or https:// in --registry.',
    });
  if (given.via === 'skopeo')
    throw new UsageError(`--${needing} does not work with --via skopeo.`, {
      next: "Use another route, or let Skopeo's host trust the certificate.",
    });
}

function parseToleration(text: string): Toleration {
  const match = /^([^=:]+)(?:=([^:]*))?(?::(NoSchedule|PreferNoSchedule|NoExecute))?$/.exec(text);
  if (match?.[1] === undefined) throw wrong('toleration', text, 'KEY, KEY=VALUE or KEY=VALUE:NoSchedule');
  const [, key, value, effect] = match;
  return { key, ...(value === undefined ? {} : { value }), ...(effect === undefined ? {} : { effect }) };
}
