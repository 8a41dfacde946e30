import type { Container, Pod, PodSpec } from '../cluster/objects.ts';

/** One rule: a sentence for everything that offends against it, or undefined. */
type Rule = (spec: PodSpec) => string | undefined;

/** Volume types that the restricted profile lets through. */
const allowedVolumes = new Set([
  ...[
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ],
]);

/**
 * What in a pod offends against PodSecurity `restricted`, in the words of the real admission
 * plugin (k8s.io/pod-security-admission/policy); undefined for a pod that is let in.
 */
export function restrictedViolations({ spec }: Pick<Pod, 'spec'>): string | undefined {
  const offences = rules.map((rule) => rule(spec)).filter((offence) => offence !== undefined);
  return offences.length === 0
    ? undefined
    : `violates PodSecurity "restricted:latest": ${offences.join(', ')}`;
}

const rules: readonly Rule[] = [
  (spec) =>
    offence('allowPrivilegeEscalation != false', {
      who: containers(spec).filter((one) => one.securityContext?.allowPrivilegeEscalation !== false),
      must: 'must set securityContext.allowPrivilegeEscalation=false',
    }),
  (spec) =>
    offence('unrestricted capabilities', {
      who: containers(spec).filter((one) => !one.securityContext?.capabilities?.drop?.includes('ALL')),
      must: 'must set securityContext.capabilities.drop=["ALL"]',
    }),
  (spec) =>
    offence('unrestricted capabilities', {
      who: containers(spec).filter((one) =>
        one.securityContext?.capabilities?.add?.some((name) => name !== 'NET_BIND_SERVICE'),
      ),
      must: 'must not include capabilities beyond "NET_BIND_SERVICE" in securityContext.capabilities.add',
    }),
  (spec) => {
    const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true);
    return shared.length === 0
      ? undefined
      : `host namespaces (${shared.map((name) => `${name}=true`).join(', ')})`;
  },
  (spec) =>
    offence('hostPort', {
      who: containers(spec).filter((one) => one.ports?.some(({ hostPort }) => hostPort)),
      must: 'uses a hostPort',
    }),
  (spec) =>
    offence('privileged', {
      who: containers(spec).filter((one) => one.securityContext?.privileged === true),
      must: 'must not set securityContext.privileged=true',
    }),
  (spec) =>
    offence('procMount', {
      who: containers(spec).filter((one) => (one.securityContext?.procMount ?? 'Default') !== 'Default'),
      must: 'must not set securityContext.procMount',
    }),
  restrictedVolumes,
  (spec) =>
    inherited('runAsNonRoot != true', spec, {
      good: (context) => context?.runAsNonRoot === true,
      unset: (context) => context?.runAsNonRoot === undefined,
      must: 'must set securityContext.runAsNonRoot=true',
    }),
  (spec) => {
    if (spec.securityContext?.runAsUser === 0) return 'runAsUser=0 (pod must not set runAsUser=0)';
    return offence('runAsUser=0', {
      who: containers(spec).filter((one) => one.securityContext?.runAsUser === 0),
      must: 'must not set runAsUser=0',
    });
  },
  (spec) =>
    inherited('seccompProfile', spec, {
      good: (context) => ['RuntimeDefault', 'Localhost'].includes(context?.seccompProfile?.type ?? ''),
      unset: (context) => context?.seccompProfile === undefined,
      must: 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
    }),
];

function containers(spec: PodSpec): Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
}

function offence(
  title: string,
  { who, must }: { readonly who: readonly Container[]; readonly must: string },
): string | undefined {
  if (who.length === 0) return undefined;
  const names = who.map(({ name }) => JSON.stringify(name)).join(', ');
  return `${title} (container${who.length === 1 ? '' : 's'} ${names} ${must})`;
}

interface InheritedRule {
  readonly good: (context: Container['securityContext']) => boolean;
  readonly unset: (context: Container['securityContext']) => boolean;
  readonly must: string;
}

/** A setting that containers take over from their pod unless they have their own. */
function inherited(title: string, spec: PodSpec, { good, unset, must }: InheritedRule): string | undefined {
  const podIsGood = good(spec.securityContext);
  const bad = containers(spec).filter(({ securityContext: own }) => !good(own) && !(podIsGood && unset(own)));
  if (bad.length === 0 && (podIsGood || unset(spec.securityContext))) return undefined;
  const names = bad.map(({ name }) => JSON.stringify(name)).join(', ');
  const who = bad.length === 0 ? 'pod' : `pod or container${bad.length === 1 ? '' : 's'} ${names}`;
  return `${title} (${who} ${must})`;
}

function restrictedVolumes(spec: PodSpec): string | undefined {
  const bad = (spec.volumes ?? []).flatMap((volume) =>
    Object.keys(volume)
      .filter((source) => source !== 'name' && !allowedVolumes.has(source))
      .map((source) => ({ name: volume.name, source })),
  );
  if (bad.length === 0) return undefined;
  const names = bad.map(({ name }) => JSON.stringify(name)).join(', ');
  const types = [...new Set(bad.map(({ source }) => JSON.stringify(source)))].join(', ');
  const [volumes, use, kinds] = bad.length === 1 ? ['volume', 'uses', 'type'] : ['volumes', 'use', 'types'];
  return `restricted volume types (${volumes} ${names} ${use} restricted volume ${kinds} ${types})`;
}
