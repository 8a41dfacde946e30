import type { EnvVar } from '../options.ts';
import type { ContainerSpec, Mount } from '../runtime/runtime.ts';
import type { Image, Wiring } from './images.ts';
import type { Container, KubeObject, Pod, Volume } from './objects.ts';
import { quantityBytes } from './quantity.ts';
import type { ObjectStore } from './store.ts';

/** The pod cannot be turned into a container; the message is the kubelet's. */
export class ContainerConfigError extends Error {
  override name = 'CreateContainerConfigError';
}

/** What the kubelet has at hand when it makes a container. */
export interface NodeResources {
  readonly store: ObjectStore;
  /** Directories of this machine behind claims (`claim/NAME`) and config maps (`configMap/NAME`). */
  readonly directories: Readonly<Record<string, string>>;
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const unlimitedBytes = 64 * 1024 * 1024;

/**
 * Turns a container of a pod into what the runtime starts.
 *
 * @throws {ContainerConfigError} for a missing reference, or an image that would run as root
 */
export function containerSpec(
  node: NodeResources,
  { pod, container, image }: { readonly pod: Pod; readonly container: Container; readonly image: Image },
): ContainerSpec {
  const wiring = image.wiring?.(pod);
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const uid = own.runAsUser ?? shared.runAsUser ?? 0;
  if (uid === 0 && (own.runAsNonRoot ?? shared.runAsNonRoot)) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image will run as root (pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`,
    );
  }
  return {
    command: command(container, image),
    env: environment(node, { pod, container, wiring }),
    workingDir: container.workingDir ?? '/',
    uid,
    gid: own.runAsGroup ?? shared.runAsGroup ?? 0,
    readOnlyRoot: own.readOnlyRootFilesystem ?? false,
    network: wiring !== undefined || mayReachRegistry(pod),
    mounts: [...mounts(node, pod, container), ...(wiring?.mounts ?? [])],
    ...(wiring === undefined ? {} : { logFile: wiring.logFile }),
  };
}

/** The NetworkPolicy in front of Domino's registry, which is all that a pod here can want to reach. */
function mayReachRegistry({ metadata }: Pod): boolean {
  return metadata.labels?.['docker-registry-client'] === 'true';
}

function command({ command: asked, args }: Container, { entrypoint, command: usual }: Image): string[] {
  if (asked !== undefined) return [...asked, ...(args ?? [])];
  return [...entrypoint, ...(args ?? usual)];
}

function environment(
  node: NodeResources,
  made: { readonly pod: Pod; readonly container: Container; readonly wiring: Wiring | undefined },
): Record<string, string> {
  const { pod, container, wiring } = made;
  const env: Record<string, string> = { PATH: defaultPath, HOSTNAME: pod.metadata.name, HOME: '/' };
  Object.assign(env, wiring?.env);
  for (const entry of container.env ?? []) {
    const value = resolve(node, pod, entry);
    if (value !== undefined) env[entry.name] = expand(value, env);
  }
  return env;
}

/** `$(NAME)` stands for a variable that was set before; `$$` for a dollar sign. */
function expand(value: string, env: Readonly<Record<string, string>>): string {
  return value.replace(/\$(\$|\(([^)]+)\))/g, (whole, escaped: string, name: string) =>
    escaped === '$' ? '$' : (env[name] ?? whole),
  );
}

function resolve({ store }: NodeResources, pod: Pod, { value, valueFrom }: EnvVar): string | undefined {
  if (valueFrom === undefined) return value ?? '';
  if (valueFrom.fieldRef !== undefined) return field(pod, valueFrom.fieldRef.fieldPath);
  const kind = valueFrom.configMapKeyRef === undefined ? 'secret' : 'configmap';
  const reference = valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef;
  if (reference === undefined) return undefined;
  const { namespace = '' } = pod.metadata;
  const source = store.get<KubeObject & { data?: Record<string, string> }>({
    ...{ resource: `${kind}s`, namespace, name: reference.name },
  });
  const found = source?.data?.[reference.key];
  if (found !== undefined) return kind === 'secret' ? Buffer.from(found, 'base64').toString() : found;
  if (reference.optional) return undefined;
  throw new ContainerConfigError(
    source === undefined
      ? `${kind} ${JSON.stringify(reference.name)} not found`
      : `couldn't find key ${reference.key} in ${kind === 'secret' ? 'Secret' : 'ConfigMap'} ${namespace}/${reference.name}`,
  );
}

function field({ metadata, spec }: Pod, path: string): string {
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec.nodeName,
  };
  if (!(path in fields)) throw new ContainerConfigError(`unsupported fieldPath: ${path}`);
  return fields[path] ?? '';
}

function mounts({ directories }: NodeResources, { spec }: Pod, { volumeMounts = [] }: Container): Mount[] {
  return volumeMounts.map(({ name, mountPath }): Mount => {
    const volume = spec.volumes?.find((candidate) => candidate.name === name) as Volume;
    const source = directories[sourceName(volume)];
    if (source !== undefined) return { kind: 'bind', path: mountPath, source };
    const sizeBytes = quantityBytes(volume.emptyDir?.sizeLimit) ?? unlimitedBytes;
    return { kind: 'memory', path: mountPath, sizeBytes, gid: spec.securityContext?.fsGroup ?? 0 };
  });
}

function sourceName({ persistentVolumeClaim, configMap }: Volume): string {
  const claim = persistentVolumeClaim as { claimName: string } | undefined;
  if (claim !== undefined) return `claim/${claim.claimName}`;
  return `configMap/${(configMap as { name: string } | undefined)?.name}`;
}
