/** Everything that this adapter asks of the API server, as permissions. */
import type { Permission } from '../../domain/permissions.ts';
import type { Route } from '../../domain/route.ts';
import type { Workload } from '../../domain/workload.ts';
import { type ClusterOptions, IDENTITY, secretTarget } from './cluster.ts';
import { inUsePermissions } from './in-use.ts';
import { leaseTarget } from './lease-requests.ts';
import { execTarget, podTarget } from './pod-requests.ts';
import { portForwardTarget } from './port-forward.ts';
import { type Target, targetPermissions, type Verb } from './target.ts';
import { workloadTarget } from './workload.ts';

export interface PermissionNeeds extends Pick<ClusterOptions, 'secretNamespace' | 'secretName'> {
  /** The registry's namespace. */
  readonly namespace: string;
  readonly workload: Pick<Workload, 'kind' | 'name' | 'replicas'>;
  /** `direct` as well when Skopeo runs on this machine. */
  readonly route: Route;
  /** `true` when the password is read from the Secret. */
  readonly readsSecret: boolean;
  /** `true` when the run deletes: it changes the registry's setting, and restores it. */
  readonly deletes: boolean;
  /** `true` when the run collects garbage, which runs inside the registry's pods. */
  readonly reclaims?: boolean;
  /**
   * The namespaces in which it must be seen which images are in use; empty: all. `undefined`: it need not be seen.
   */
  readonly inUseNamespaces?: readonly string[] | undefined;
}

/** Events are read as well where that is allowed; a run does without. */
export function requiredPermissions(needs: PermissionNeeds): Permission[] {
  const { namespace } = needs;
  const rows: readonly Need[] = [
    [IDENTITY, 'recognise the cluster'],
    [workloadTarget('get', namespace, needs.workload), "read the registry's setting"],
    ...routeNeeds[needs.route](needs),
    ...(needs.readsSecret ? [[secretTarget(needs), "read the registry's password"] as const] : []),
    ...(needs.deletes ? [...leaseNeeds(needs), ...switchNeeds(needs)] : []),
    ...(needs.reclaims ? collectorNeeds(needs) : []),
  ];
  return [
    ...rows.flatMap(([target, why]) => targetPermissions(target, why)),
    ...(needs.inUseNamespaces ? inUsePermissions(needs.inUseNamespaces) : []),
  ];
}

/** A request, and what it is for. */
type Need = readonly [Target, string];

const routeNeeds: Readonly<Record<Route, (needs: PermissionNeeds) => Need[]>> = {
  pod: (needs) => podNeeds(needs, 'reach the registry from its pod'),
  skopeo: (needs) => podNeeds(needs, 'run Skopeo in its pod'),
  'port-forward': ({ namespace, workload, deletes }) => [
    // Whoever deletes has to see the pods anyway.
    ...(deletes ? [] : [[podsTarget('list', namespace), "find the registry's pod"] as const]),
    ...podNames(workload).map((name): Need => [portForwardTarget(namespace, name), 'reach the registry']),
  ],
  direct: () => [],
};

function podNeeds({ namespace }: PermissionNeeds, exec: string): Need[] {
  return [
    [podTarget('get', namespace), 'look after the Skopeo pod'],
    [podTarget('create', namespace), 'create the Skopeo pod'],
    [podTarget('delete', namespace), 'delete the Skopeo pod'],
    [execTarget(namespace), exec],
  ];
}

function leaseNeeds({ namespace }: PermissionNeeds): Need[] {
  return [
    [leaseTarget('get', namespace), 'see whether another run is at work'],
    [leaseTarget('create', namespace), 'keep other runs away'],
    [leaseTarget('patch', namespace), 'keep other runs away for as long as it takes'],
    [leaseTarget('delete', namespace), 'let other runs work again'],
  ];
}

function switchNeeds({ namespace, workload }: PermissionNeeds): Need[] {
  return [
    [workloadTarget('patch', namespace, workload), "change the registry's settings, and put them back"],
    [podsTarget('list', namespace), "see when the registry's pods are replaced"],
    ...podNames(workload).map(
      (name): Need => [podsTarget('delete', namespace, name), 'replace a registry pod that hangs'],
    ),
  ];
}

function collectorNeeds({ namespace, workload, deletes }: PermissionNeeds): Need[] {
  return [
    // Whoever changes the settings has to see the pods anyway.
    ...(deletes ? [] : [[podsTarget('list', namespace), "find the registry's pods"] as const]),
    ...podNames(workload).map(
      (name): Need => [registryExecTarget(namespace, name), "collect garbage in the registry's pods"],
    ),
  ];
}

function registryExecTarget(namespace: string, name: string | undefined): Target {
  const target: Target = { verb: 'create', group: '', resource: 'pods/exec', namespace };
  return name === undefined ? target : { ...target, name };
}

function podsTarget(verb: Verb, namespace: string, name?: string): Target {
  return { verb, group: '', resource: 'pods', namespace, ...(name !== undefined && { name }) };
}

/**
 * The pods of a StatefulSet have names that are known beforehand, so that a Role can be scoped to them. Those of a
 * Deployment have not: any name.
 */
function podNames({ kind, name, replicas }: PermissionNeeds['workload']): (string | undefined)[] {
  if (kind === 'Deployment') return [undefined];
  return Array.from({ length: Math.max(replicas, 1) }, (_, at) => `${name}-${at}`);
}
