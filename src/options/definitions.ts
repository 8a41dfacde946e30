/** Every option, for help and meaning. */
import { scopes } from '../domain/estimate.ts';
import { routes } from '../domain/route.ts';
import { strategies } from '../domain/strategy.ts';
import { SAMPLE_SIZE, verifyModes } from '../domain/verify.ts';
import { type Verb, verbs } from './verbs.ts';

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
  /** The commands that look at it. */
  readonly goesWith: readonly Verb[];
  /**
   * It asks for something, which a command that does not look at it would leave undone: there it is refused. Others say
   * where things are and how they are done, often in one line for all commands: there they are passed over.
   */
  readonly asks?: true;
}

const WHAT = 'What to do';
const FILES = 'Files';
const CLUSTER = 'The cluster';
const REGISTRY = 'The registry';
const ROUTE = 'The way to the registry';
const POD = 'The pod';
const OUTPUT = 'Output';

const EVERY = verbs;
const RUN: readonly Verb[] = ['clean'];
/** They agree to something that changes the registry. */
const CONFIRMED: readonly Verb[] = ['clean', 'reclaim', 'undo'];
const COLLECTING: readonly Verb[] = ['clean', 'reclaim'];
/** They ask the cluster, and look at the registry's workload. */
const ASKING = verbs.filter((verb) => verb !== 'history');
/** They put a setting of the registry back: their own, or what another program has left. */
const RESTORING: readonly Verb[] = ['clean', 'recover', 'reclaim', 'undo'];
/** They log in to the registry, for which they may need a pod. */
const SPEAKING: readonly Verb[] = ['clean', 'scan', 'undo'];

/** The pinned Skopeo image: tags like `latest` would be pulled at every start, which fails without a way out. */
const DEFAULT_IMAGE = 'quay.io/skopeo/stable:v1.20.0';

/** Every option, by its name on the command line. */
export const optionDefinitions = {
  delete: {
    type: 'boolean',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    describe: 'delete what the plan says, after a confirmation',
  },
  yes: {
    type: 'boolean',
    group: WHAT,
    goesWith: CONFIRMED,
    describe: 'confirm beforehand what would be asked (needed without a terminal)',
  },
  resume: {
    type: 'boolean',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    describe: 'continue the unfinished run',
  },
  fresh: {
    type: 'boolean',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    describe: 'give the unfinished run up (its change to the registry is put back first) and begin a new one',
  },
  only: {
    type: 'string',
    group: WHAT,
    goesWith: ['clean', 'undo'],
    asks: true,
    choices: ['new', 'legacy'],
    describe: 'only the new repository, or only the legacy ones',
  },
  'allow-absent': {
    type: 'boolean',
    group: WHAT,
    goesWith: RUN,
    describe: 'go on although a revision to retain exists nowhere (mostly a typing error)',
  },
  'max-deletions': {
    type: 'string',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    value: 'N',
    describe: 'refuse a plan that deletes more tags than this',
  },
  'max-share': {
    type: 'string',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    value: 'PERCENT',
    describe: 'refuse a plan that deletes a larger share of the tags of any repository',
  },
  'in-use-namespaces': {
    type: 'list',
    group: WHAT,
    goesWith: RUN,
    value: 'NAME,…',
    describe: 'where to look for what runs an image (all namespaces)',
  },
  'in-use-file': {
    type: 'string',
    group: WHAT,
    goesWith: RUN,
    value: 'FILE',
    describe: 'images that are in use elsewhere, one on each line',
  },
  'no-in-use-check': {
    type: 'boolean',
    group: WHAT,
    goesWith: RUN,
    describe: 'go on although it may not be seen everywhere what is in use',
  },
  'allow-emptying': {
    type: 'boolean',
    group: WHAT,
    goesWith: RUN,
    describe: 'let a plan through that leaves nothing of an environment that something runs',
  },
  plan: {
    type: 'string',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    value: 'sha256:…',
    describe: 'delete only if the plan is this very one, which its review has printed',
  },
  'stop-after': {
    type: 'string',
    group: WHAT,
    goesWith: COLLECTING,
    asks: true,
    value: 'TIME',
    describe: 'be over within this time (2h, 90m, 1h30m), the restoring of the registry included; resumable',
  },
  verify: {
    type: 'string',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    choices: verifyModes,
    default: 'sample',
    describe: `after deleting: whether every tag is gone, or stands for what it did, and whether images that stay are whole. sample: ${SAMPLE_SIZE} of these. full: all of them. none: no check`,
  },
  estimate: {
    type: 'string',
    group: WHAT,
    goesWith: RUN,
    choices: scopes,
    default: 'touched',
    describe:
      'how to find out what deleting will free. touched: reads the repositories of the plan; an upper bound. registry: reads every repository; exact. none: not at all',
  },
  'keep-last': {
    type: 'string',
    group: WHAT,
    goesWith: ['scan'],
    asks: true,
    value: 'N',
    default: '3',
    describe: 'what keeping the newest N revisions of an environment would bring',
  },
  'max-age': {
    type: 'string',
    group: WHAT,
    goesWith: ['scan'],
    asks: true,
    value: 'TIME',
    default: '1h',
    describe: 'revisions that were looked at within this time are not asked for again. 0: each tag is',
  },
  write: {
    type: 'string',
    group: FILES,
    goesWith: ['scan'],
    asks: true,
    value: 'FILE',
    describe: 'write an environments file of what it has found, every line commented out',
  },
  reclaim: {
    type: 'boolean',
    group: WHAT,
    goesWith: RUN,
    asks: true,
    describe: "after deleting, run the registry's garbage collector: it is read-only meanwhile, and restarts",
  },
  'dry-run': {
    type: 'boolean',
    group: WHAT,
    goesWith: ['reclaim'],
    asks: true,
    describe: 'only tell what the garbage collector would take',
  },
  'allow-unseen-uploads': {
    type: 'boolean',
    group: WHAT,
    goesWith: COLLECTING,
    describe: 'collect garbage although it cannot be seen whether somebody is pushing (object stores)',
  },
  environments: {
    type: 'string',
    group: FILES,
    goesWith: RUN,
    value: 'FILE',
    default: 'environments',
    describe: 'environment IDs with the revisions to retain',
  },
  'state-dir': {
    type: 'string',
    group: FILES,
    goesWith: EVERY,
    value: 'DIR',
    default: 'state',
    describe: 'where runs keep their state and lists',
  },
  from: {
    type: 'string',
    group: FILES,
    goesWith: ['undo'],
    asks: true,
    value: 'FOLDER',
    describe: 'the folder of the run, wherever it is',
  },
  report: {
    type: 'string',
    group: FILES,
    goesWith: RUN,
    asks: true,
    value: 'FILE',
    describe: "where to copy the run's report to, which is report.html in its folder (HTML, to look at)",
  },
  kubeconfig: {
    type: 'string',
    group: CLUSTER,
    goesWith: ASKING,
    value: 'FILE',
    describe: 'instead of $KUBECONFIG or ~/.kube/config',
  },
  context: {
    type: 'string',
    group: CLUSTER,
    goesWith: ASKING,
    value: 'NAME',
    describe: "instead of the kubeconfig's current one",
  },
  namespace: {
    type: 'string',
    group: CLUSTER,
    goesWith: ASKING,
    value: 'NAME',
    default: 'domino-platform',
    describe: 'where the registry and the pod run',
  },
  'secret-namespace': {
    type: 'string',
    group: CLUSTER,
    goesWith: SPEAKING,
    value: 'NAME',
    default: 'domino-compute',
    describe: 'where the Secret with the password is',
  },
  'secret-name': {
    type: 'string',
    group: CLUSTER,
    goesWith: SPEAKING,
    value: 'NAME',
    default: 'domino-registry',
    describe: 'the Secret with the password, used when none is given',
  },
  registry: {
    type: 'string',
    group: REGISTRY,
    goesWith: ASKING,
    value: '[http[s]://]HOST:PORT',
    default: 'docker-registry:5000',
    describe: 'as the pod reaches it; with --via direct, as this machine does',
  },
  'registry-workload': {
    type: 'string',
    group: REGISTRY,
    goesWith: ASKING,
    value: '[KIND/]NAME',
    default: 'docker-registry',
    describe: 'its StatefulSet or Deployment',
  },
  'registry-container': {
    type: 'string',
    group: REGISTRY,
    goesWith: ASKING,
    value: 'NAME',
    describe: 'its container, where that is not clear',
  },
  'registry-container-port': {
    type: 'string',
    group: REGISTRY,
    goesWith: SPEAKING,
    value: 'PORT',
    describe: 'the port that it listens on, where --via port-forward cannot tell',
  },
  username: {
    type: 'string',
    group: REGISTRY,
    goesWith: SPEAKING,
    value: 'NAME',
    describe: "instead of the Secret's, or domino-registry",
  },
  via: {
    type: 'string',
    group: ROUTE,
    // By a route without a pod, `reclaim` need not see whether somebody has left one.
    goesWith: [...SPEAKING, 'reclaim'],
    choices: routes,
    default: 'pod',
    describe:
      "how to reach it. pod: HTTP through a pod. port-forward: HTTP to the registry's own pod. direct: HTTP from this machine. skopeo: Skopeo in a pod; slower, deletes by digest only, so doomed twins of kept tags stay",
  },
  strategy: {
    type: 'string',
    group: ROUTE,
    goesWith: RUN,
    choices: ['auto', ...strategies],
    default: 'auto',
    describe:
      'by-digest: delete manifests with their tags. untag-first: untie the tags first, faster in large repositories. auto: whatever is cheaper',
  },
  tls: {
    type: 'boolean',
    group: ROUTE,
    goesWith: SPEAKING,
    describe: 'it speaks HTTPS (as https:// in --registry says, too)',
  },
  'tls-ca': {
    type: 'string',
    group: ROUTE,
    goesWith: SPEAKING,
    value: 'FILE',
    describe: 'certificates (PEM) of those whom to trust; not with --via skopeo',
  },
  'tls-insecure': {
    type: 'boolean',
    group: ROUTE,
    goesWith: SPEAKING,
    describe: "do not verify the registry's certificate: whoever is in between can read the password",
  },
  concurrency: {
    type: 'string',
    group: ROUTE,
    goesWith: SPEAKING,
    value: 'N',
    default: '16, or 8 with --via skopeo',
    describe: 'operations at a time, at most (1 to 64); fewer where the registry does not keep up',
  },
  'rollout-timeout': {
    type: 'string',
    group: REGISTRY,
    goesWith: RESTORING,
    value: 'TIME',
    default: '10m',
    describe: 'how long its restart may take',
  },
  'restore-timeout': {
    type: 'string',
    group: REGISTRY,
    goesWith: RESTORING,
    value: 'TIME',
    default: '5m',
    describe: 'how long to try to put its setting back',
  },
  image: {
    type: 'string',
    group: POD,
    goesWith: SPEAKING,
    value: 'IMAGE',
    default: DEFAULT_IMAGE,
    describe: 'its image',
  },
  'image-pull-policy': {
    type: 'string',
    group: POD,
    goesWith: SPEAKING,
    choices: ['IfNotPresent', 'Always', 'Never'],
    default: 'IfNotPresent',
    describe: 'when it is pulled',
  },
  'image-pull-secret': {
    type: 'list',
    group: POD,
    goesWith: SPEAKING,
    value: 'NAME',
    describe: 'a Secret to pull it with',
  },
  'pod-label': { type: 'list', group: POD, goesWith: SPEAKING, value: 'KEY=VALUE', describe: 'a label more' },
  'pod-annotation': {
    type: 'list',
    group: POD,
    goesWith: SPEAKING,
    value: 'KEY=VALUE',
    describe: 'an annotation more',
  },
  'node-selector': {
    type: 'list',
    group: POD,
    goesWith: SPEAKING,
    value: 'KEY=VALUE',
    describe: 'a label that its node must have',
  },
  toleration: {
    type: 'list',
    group: POD,
    goesWith: SPEAKING,
    value: 'KEY[=VALUE][:EFFECT]',
    describe: 'a taint that it tolerates',
  },
  'pod-timeout': {
    type: 'string',
    group: POD,
    goesWith: SPEAKING,
    value: 'TIME',
    default: '5m',
    describe: 'how long its start may take',
  },
  'local-skopeo': {
    type: 'boolean',
    group: POD,
    goesWith: ['clean', 'reclaim'],
    describe: '--via skopeo without a pod: run the Skopeo of this machine, which must reach the registry',
  },
  output: {
    type: 'string',
    group: OUTPUT,
    goesWith: EVERY,
    choices: ['text', 'json'],
    default: 'text',
    describe: 'json: one object a line on standard output',
  },
} as const satisfies Readonly<Record<string, OptionDefinition>>;

export type OptionName = keyof typeof optionDefinitions;

export const optionNames = Object.keys(optionDefinitions) as readonly OptionName[];

export function definitionOf(name: OptionName): OptionDefinition {
  return optionDefinitions[name];
}
