/** The options: one table for help and meaning, one merge, one frozen object. */
import { parseDuration } from './domain/duration.ts';
import { UsageError } from './domain/errors.ts';

/** How an option appears on the command line. */
export interface OptionDefinition {
  readonly type: 'string' | 'boolean' | 'list';
  readonly group: string;
  readonly describe: string;
  /** What its value looks like in `--help`. */
  readonly value?: string;
  /** In words, for `--help`. */
  readonly default?: string;
  readonly choices?: readonly string[];
}

const WHAT = 'What to do';
const FILES = 'Files';
const CLUSTER = 'The cluster';
const REGISTRY = 'The registry';
const POD = 'The Skopeo pod';
const OUTPUT = 'Output';

/** The pinned Skopeo image: tags like `latest` would be pulled at every start, which fails without a way out. */
const DEFAULT_IMAGE = 'quay.io/skopeo/stable:v1.20.0';

/** Every option, by its name on the command line. */
export const optionDefinitions = {
  delete: { type: 'boolean', group: WHAT, describe: 'delete what the plan says, after a confirmation' },
  yes: {
    type: 'boolean',
    group: WHAT,
    describe: 'confirm the deletion beforehand (needed without a terminal)',
  },
  resume: { type: 'boolean', group: WHAT, describe: 'continue the unfinished run' },
  fresh: {
    type: 'boolean',
    group: WHAT,
    describe: 'give the unfinished run up (its change to the registry is put back first) and begin a new one',
  },
  only: {
    type: 'string',
    group: WHAT,
    choices: ['new', 'legacy'],
    describe: 'only the new repository, or only the legacy ones',
  },
  'allow-absent': {
    type: 'boolean',
    group: WHAT,
    describe: 'go on although a revision to retain exists nowhere (mostly a typing error)',
  },
  environments: {
    type: 'string',
    group: FILES,
    value: 'FILE',
    default: 'environments',
    describe: 'environment IDs with the revisions to retain',
  },
  'state-dir': {
    type: 'string',
    group: FILES,
    value: 'DIR',
    default: 'state',
    describe: 'where runs keep their state and lists',
  },
  kubeconfig: {
    type: 'string',
    group: CLUSTER,
    value: 'FILE',
    describe: 'instead of $KUBECONFIG or ~/.kube/config',
  },
  context: {
    type: 'string',
    group: CLUSTER,
    value: 'NAME',
    describe: "instead of the kubeconfig's current one",
  },
  namespace: {
    type: 'string',
    group: CLUSTER,
    value: 'NAME',
    default: 'domino-platform',
    describe: 'where the registry and the pod run',
  },
  'secret-namespace': {
    type: 'string',
    group: CLUSTER,
    value: 'NAME',
    default: 'domino-compute',
    describe: 'where the Secret with the password is',
  },
  'secret-name': {
    type: 'string',
    group: CLUSTER,
    value: 'NAME',
    default: 'domino-registry',
    describe: 'the Secret with the password, used when none is given',
  },
  registry: {
    type: 'string',
    group: REGISTRY,
    value: 'HOST:PORT',
    default: 'docker-registry:5000',
    describe: 'as the pod reaches it',
  },
  'registry-workload': {
    type: 'string',
    group: REGISTRY,
    value: '[KIND/]NAME',
    default: 'docker-registry',
    describe: 'its StatefulSet or Deployment',
  },
  'registry-container': {
    type: 'string',
    group: REGISTRY,
    value: 'NAME',
    describe: 'its container, where that is not clear',
  },
  username: {
    type: 'string',
    group: REGISTRY,
    value: 'NAME',
    describe: "instead of the Secret's, or domino-registry",
  },
  tls: {
    type: 'boolean',
    group: REGISTRY,
    describe: 'it speaks HTTPS with a certificate that Skopeo trusts',
  },
  concurrency: {
    type: 'string',
    group: REGISTRY,
    value: 'N',
    default: '8',
    describe: 'operations at a time, 1 to 64',
  },
  'rollout-timeout': {
    type: 'string',
    group: REGISTRY,
    value: 'TIME',
    default: '10m',
    describe: 'how long its restart may take',
  },
  'restore-timeout': {
    type: 'string',
    group: REGISTRY,
    value: 'TIME',
    default: '5m',
    describe: 'how long to try to put its setting back',
  },
  image: { type: 'string', group: POD, value: 'IMAGE', default: DEFAULT_IMAGE, describe: 'its image' },
  'image-pull-policy': {
    type: 'string',
    group: POD,
    choices: ['IfNotPresent', 'Always', 'Never'],
    default: 'IfNotPresent',
    describe: 'when it is pulled',
  },
  'image-pull-secret': { type: 'list', group: POD, value: 'NAME', describe: 'a Secret to pull it with' },
  'pod-label': { type: 'list', group: POD, value: 'KEY=VALUE', describe: 'a label more' },
  'pod-annotation': { type: 'list', group: POD, value: 'KEY=VALUE', describe: 'an annotation more' },
  'node-selector': {
    type: 'list',
    group: POD,
    value: 'KEY=VALUE',
    describe: 'a label that its node must have',
  },
  toleration: {
    type: 'list',
    group: POD,
    value: 'KEY[=VALUE][:EFFECT]',
    describe: 'a taint that it tolerates',
  },
  'pod-timeout': {
    type: 'string',
    group: POD,
    value: 'TIME',
    default: '5m',
    describe: 'how long its start may take',
  },
  'local-skopeo': {
    type: 'boolean',
    group: POD,
    describe: 'no pod: run the Skopeo of this machine, which must reach the registry',
  },
  output: {
    type: 'string',
    group: OUTPUT,
    choices: ['text', 'json'],
    default: 'text',
    describe: 'json: one object a line on standard output',
  },
} as const satisfies Readonly<Record<string, OptionDefinition>>;

export type OptionName = keyof typeof optionDefinitions;

/** What was given for each option, as text, before it is understood. */
export type RawOptions = Partial<Record<OptionName, string | boolean | readonly string[]>>;

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
  readonly environments: string;
  readonly stateDir: string;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string;
  readonly secretNamespace: string;
  readonly secretName: string;
  readonly registry: string;
  readonly registryWorkload: string;
  readonly registryContainer: string | undefined;
  readonly username: string | undefined;
  readonly tls: boolean;
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

/** `REGISTRY_CLEANER_STATE_DIR` stands for `--state-dir`, and so on. */
const ENVIRONMENT_PREFIX = 'REGISTRY_CLEANER_';

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
  return Object.freeze({
    delete: value.flag('delete'),
    yes: value.flag('yes'),
    resume: value.flag('resume'),
    fresh: value.flag('fresh'),
    only: value.optional('only') as Options['only'],
    allowAbsent: value.flag('allow-absent'),
    environments: path('environments'),
    stateDir: path('state-dir'),
    kubeconfig: kubeconfig === undefined ? undefined : given.resolvePath(kubeconfig),
    context: value.optional('context'),
    namespace: value.name('namespace'),
    secretNamespace: value.name('secret-namespace'),
    secretName: value.name('secret-name'),
    registry: value.host('registry'),
    registryWorkload: value.text('registry-workload'),
    registryContainer: value.optional('registry-container'),
    username: value.optional('username'),
    tls: value.flag('tls'),
    concurrency: value.integer('concurrency', { least: 1, most: 64 }),
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
    localSkopeo: value.flag('local-skopeo'),
    output: value.text('output') as Options['output'],
  });
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): RawOptions {
  const raw: RawOptions = {};
  for (const name of Object.keys(optionDefinitions) as OptionName[]) {
    const text = environment[`${ENVIRONMENT_PREFIX}${name.toUpperCase().replaceAll('-', '_')}`];
    if (text === undefined || text === '') continue;
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

/** Understands raw values; its errors name the option and say what is expected. */
class Values {
  readonly #raw: RawOptions;

  constructor(raw: RawOptions) {
    this.#raw = raw;
  }

  flag(name: OptionName): boolean {
    return this.#once(name) === true;
  }

  optional(name: OptionName): string | undefined {
    const value = this.#once(name);
    if (value === undefined) return undefined;
    const text = String(value);
    if (text === '') throw wrong(name, text, 'a value');
    const { choices } = optionDefinitions[name] as OptionDefinition;
    if (choices && !choices.includes(text)) throw wrong(name, text, choices.join(' or '));
    return text;
  }

  text(name: OptionName): string {
    return this.optional(name) ?? (optionDefinitions[name] as OptionDefinition).default ?? '';
  }

  /** A Kubernetes name (RFC 1123 label or subdomain). */
  name(name: OptionName): string {
    const text = this.text(name);
    if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)) throw wrong(name, text, 'a Kubernetes name');
    return text;
  }

  host(name: OptionName): string {
    const text = this.text(name);
    if (!/^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?)(:[0-9]{1,5})?$/.test(text))
      throw wrong(name, text, 'HOST or HOST:PORT, without http:// and without a path');
    return text;
  }

  integer(name: OptionName, range: { least: number; most: number }): number {
    const text = this.text(name);
    const number = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= range.least && number <= range.most) return number;
    throw wrong(name, text, `a whole number from ${range.least} to ${range.most}`);
  }

  /** In milliseconds. */
  duration(name: OptionName): number {
    const text = this.text(name);
    const durationMs = parseDuration(text);
    if (durationMs !== undefined && durationMs > 0) return durationMs;
    throw wrong(name, text, 'a time such as 90s, 5m or 1h');
  }

  #once(name: OptionName): string | boolean | undefined {
    const value = this.#raw[name];
    if (typeof value !== 'object') return value;
    throw new UsageError(`--${name} is given ${value.length} times.`, { next: 'Give it once.' });
  }

  list(name: OptionName): readonly string[] {
    const value = this.#raw[name];
    if (value === undefined) return [];
    return Array.isArray(value) ? value : [String(value)];
  }

  pairs(name: OptionName): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.list(name).map((text) => {
        const at = text.indexOf('=');
        if (at < 1) throw wrong(name, text, 'KEY=VALUE');
        return [text.slice(0, at), text.slice(at + 1)];
      }),
    );
  }
}

function parseToleration(text: string): Toleration {
  const match = /^([^=:]+)(?:=([^:]*))?(?::(NoSchedule|PreferNoSchedule|NoExecute))?$/.exec(text);
  if (match?.[1] === undefined) throw wrong('toleration', text, 'KEY, KEY=VALUE or KEY=VALUE:NoSchedule');
  const [, key, value, effect] = match;
  return { key, ...(value === undefined ? {} : { value }), ...(effect === undefined ? {} : { effect }) };
}

function wrong(name: OptionName, text: string, expected: string): UsageError {
  return new UsageError(`--${name} is "${text}".`, { next: `Give ${expected}.` });
}
