/** Everything that this adapter asks of the API server, as permissions. */
import type { Permission } from '../../domain/permissions.ts';
import type { Workload } from '../../domain/workload.ts';
import { type ClusterOptions, IDENTITY, secretTarget } from './cluster.ts';
import { execTarget, podTarget } from './pod-requests.ts';
import { type Target, targetPermissions } from './target.ts';
import { workloadTarget } from './workload.ts';

export interface PermissionNeeds extends Pick<ClusterOptions, 'secretNamespace' | 'secretName'> {
  /** The registry's namespace. */
  readonly namespace: string;
  readonly workload: Pick<Workload, 'kind' | 'name' | 'replicas'>;
  /** `false` when Skopeo runs on this machine. */
  readonly usesPod: boolean;
  /** `true` when the password is read from the Secret. */
  readonly readsSecret: boolean;
  /** `true` when the run deletes: it changes the registry's setting, and restores it. */
  readonly deletes: boolean;
}

/** Events are read as well where that is allowed; a run does without. */
export function requiredPermissions(needs: PermissionNeeds): Permission[] {
  const { namespace } = needs;
  const rows: readonly Need[] = [
    [IDENTITY, 'recognise the cluster'],
    [workloadTarget('get', namespace, needs.workload), "read the registry's setting"],
    ...(needs.usesPod ? podNeeds(namespace) : []),
    ...(needs.readsSecret ? [[secretTarget(needs), "read the registry's password"] as const] : []),
    ...(needs.deletes ? switchNeeds(needs) : []),
  ];
  return rows.flatMap(([target, why]) => targetPermissions(target, why));
}

/** A request, and what it is for. */
type Need = readonly [Target, string];

function podNeeds(namespace: string): Need[] {
  return [
    [podTarget('get', namespace), 'look after the Skopeo pod'],
    [podTarget('create', namespace), 'create the Skopeo pod'],
    [podTarget('delete', namespace), 'delete the Skopeo pod'],
    [execTarget(namespace), 'run Skopeo in its pod'],
  ];
}

function switchNeeds({ namespace, workload }: PermissionNeeds): Need[] {
  const pods: Target = { verb: 'list', group: '', resource: 'pods', namespace };
  return [
    [workloadTarget('patch', namespace, workload), 'enable deletion, and put the setting back'],
    [pods, "see when the registry's pods are replaced"],
    ...registryPods(namespace, workload).map((pod): Need => [pod, 'replace a registry pod that hangs']),
  ];
}

/** The pods of a StatefulSet have names that are known beforehand, so that a Role can be scoped to them. */
function registryPods(namespace: string, { kind, name, replicas }: PermissionNeeds['workload']): Target[] {
  const target: Target = { verb: 'delete', group: '', resource: 'pods', namespace };
  if (kind === 'Deployment') return [target];
  return Array.from({ length: Math.max(replicas, 1) }, (_, at) => ({ ...target, name: `${name}-${at}` }));
}
