/** What a sandbox is to be like; everything has a default. */
export interface SandboxOptions {
  /** Environments in the environments file. */
  readonly environments?: number;
  /** Revisions of each environment. */
  readonly revisions?: number;
  /** How many of the environments also have a repository `domino-<id>`. */
  readonly legacy?: number;
  /** How many of the newest revisions of each environment the environments file retains. */
  readonly retained?: number;
  /** Port of the registry on 127.0.0.1; 0 takes a free one. */
  readonly port?: number;
  /** The same seed makes the same images under the same names. */
  readonly seed?: number;
  /** Twins, image indexes, unrecognised tags, a `buildcache`, environments that no file names. */
  readonly curiosities?: boolean;
  /** Whether `domino-platform` enforces PodSecurity `restricted`. */
  readonly podSecurity?: boolean;
  /** What runs the registry. */
  readonly workloadKind?: 'StatefulSet' | 'Deployment';
  /** Variables of the registry's container beside its own, as in a pod template. */
  readonly registryEnv?: readonly EnvVar[];
  /** Whether the registry's own configuration file lets manifests be deleted. */
  readonly configuredDeletion?: boolean;
  /** Makes the registry keep its content in an object store, as with S3, instead of in files. */
  readonly objectStore?: ObjectStoreSettings | undefined;
  /** Whether the registry's pod has another container, before the registry's. */
  readonly sidecar?: boolean;
  /** Whether the API server speaks `v5.channel.k8s.io`, as servers from 1.30 on do. */
  readonly execV5?: boolean;
  /** Whether pods are isolated from this machine, where that is possible. */
  readonly isolation?: boolean;
  /** How long a rollout of one pod takes, about; must be noticeable, so above 0. */
  readonly rolloutMs?: number;
  /** How much longer than on this machine a round trip to the API server takes, in milliseconds. */
  readonly apiLatencyMs?: number;
  /** The same for the registry's Service, for pods too; a forwarded port does not lead through it. */
  readonly registryLatencyMs?: number;
  /** How long a pod takes from its creation until it is ready, about. */
  readonly podStartMs?: number;
}

/** An object store behind a registry. */
export interface ObjectStoreSettings {
  /** How much longer each read takes. Default: 0. */
  readonly readDelayMs?: number;
  /** Whether clients that ask for a blob are sent to the store (307). Default: no. */
  readonly redirects?: boolean;
}

/** An entry of a container's `env`. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly configMapKeyRef?: KeyReference;
    readonly secretKeyRef?: KeyReference;
    readonly fieldRef?: { readonly fieldPath: string; readonly apiVersion?: string };
  };
}

interface KeyReference {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

/** {@link SandboxOptions} with every default filled in. */
export type SandboxSettings = Required<SandboxOptions>;

/** Fills in the defaults. @throws {RangeError} for a value that no sandbox can have */
export function settle(options: SandboxOptions): SandboxSettings {
  const settings: SandboxSettings = {
    environments: 8,
    revisions: 12,
    legacy: 4,
    retained: 2,
    port: 0,
    seed: 1,
    curiosities: true,
    podSecurity: true,
    workloadKind: 'StatefulSet',
    registryEnv: [],
    configuredDeletion: false,
    objectStore: undefined,
    sidecar: false,
    execV5: true,
    isolation: true,
    rolloutMs: 1000,
    podStartMs: 300,
    apiLatencyMs: 0,
    registryLatencyMs: 0,
    ...options,
  };
  for (const [name, value] of Object.entries(settings)) {
    const least = leastValues[name as keyof typeof leastValues];
    if (least !== undefined && !(Number.isInteger(value) && Number(value) >= least)) {
      throw new RangeError(`${name} must be a whole number, at least ${least}, not ${value}`);
    }
  }
  return settings;
}

const leastValues = {
  environments: 1,
  revisions: 1,
  legacy: 0,
  retained: 0,
  port: 0,
  seed: 0,
  rolloutMs: 1,
  podStartMs: 1,
  apiLatencyMs: 0,
  registryLatencyMs: 0,
} as const;
