/** What is asked of the cluster before the first step: who it is, what one may do there, whether another run is at work. */

import { readSetting } from '../domain/deletion-setting.ts';
import { RefusedError, UnreachableError, UsageError } from '../domain/errors.ts';
import { roleRules } from '../domain/permissions.ts';
import { registryContainer } from '../domain/registry-container.ts';
import { refuseUnrollable } from '../domain/rollout.ts';
import type { Binding, RunRecord } from '../domain/run.ts';
import { requireSameBinding } from '../domain/run.ts';
import type { Workload } from '../domain/workload.ts';
import { describe } from '../domain/workload.ts';
import type { Options } from '../options.ts';
import type { Credentials } from '../ports.ts';
import { refuseForeignRecord } from '../steps/changing-settings.ts';
import { inspectReplicas, refuseUncollectable, unseenUploads } from '../steps/reclaim-checks.ts';
import { recoverCommand } from './advice.ts';
import type { Connection, World } from './world.ts';

const DEFAULT_USERNAME = 'domino-registry';

/**
 * What a run will be bound to.
 *
 * @param next what to do when the earlier run belongs elsewhere; unless it is to be resumed
 * @throws RefusedError when it does
 */
export async function identify(
  world: World,
  connection: Connection,
  earlier: RunRecord | undefined,
  next?: string,
): Promise<Binding> {
  const identity = await connection.cluster.identity(world.work);
  const binding = {
    clusterUid: identity.uid,
    context: identity.context,
    namespace: world.options.namespace,
    workload: world.options.registryWorkload,
    registry: world.options.registry,
  };
  if (earlier) requireSameBinding(earlier, binding, next);
  return binding;
}

/** @throws UnreachableError that names every missing rule */
export async function requirePermissions(
  world: World,
  connection: Connection,
  need: {
    deleting: boolean;
    reclaiming?: boolean;
    inUse?: boolean;
    /** `false`: it is not talked to. */
    registry?: boolean;
  },
): Promise<void> {
  const { registry = true } = need;
  const permissions = {
    deleting: need.deleting,
    reclaiming: need.reclaiming ?? false,
    workload: await readIfAllowed(world, connection),
    route: world.options.localSkopeo || !registry ? ('direct' as const) : world.options.via,
    secret: registry && world.password === undefined,
    inUse: registry && (need.inUse ?? !world.options.noInUseCheck),
  };
  const lacks = (which: typeof permissions) =>
    connection.cluster.missingPermissions(connection.permissions(which), world.work);
  const missing = await lacks(permissions);
  if (missing.length === 0) return;
  const others = permissions.inUse ? await lacks({ ...permissions, inUse: false }) : missing;
  const without =
    others.length < missing.length ? ', or do not look at what is in use (--no-in-use-check)' : '';
  throw new UnreachableError(
    `You may not do everything that this needs:\n${missing
      .map(({ verb, group, resource, namespace, name, why }) => {
        const what = `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
        return `  ${what}${namespace === '' ? '' : ` in namespace ${namespace}`} (to ${why})`;
      })
      .join('\n')}`,
    { next: `Ask for these rules${without}:\n${roleRules(missing)}` },
  );
}

/** Its kind and size decide about some permissions; that it may not be read is one of those that are told. */
async function readIfAllowed(world: World, connection: Connection): Promise<Workload | undefined> {
  try {
    return await connection.workload.read(world.work);
  } catch (error) {
    if (error instanceof UnreachableError && error.forbidden) return undefined;
    throw error;
  }
}

/**
 * Looks at the registry's workload before anything is done: the switch must be one that can be used, and no other
 * run may have it in use.
 */
export async function inspectWorkload(
  world: World,
  connection: Connection,
  given: { run: string; deleting: boolean },
): Promise<SettingsNow> {
  const workload = await connection.workload.read(world.work);
  const recover = recoverCommand(world.options);
  refuseForeignRecord(workload, { run: given.run, recover });
  const container = registryContainer(workload, containerOf(world.options));
  const setting = readSetting(workload, container);
  if (setting.record?.previous.deletion !== undefined && !setting.enabled)
    throw new RefusedError(
      `${describe(workload)} bears this run's annotation, but its deletion setting was changed back meanwhile.`,
      {
        next: `Find out what did it (a controller, a GitOps tool?), run: ${recover} – then resume.`,
      },
    );
  if (given.deleting && !setting.enabled) refuseUnrollable(workload);
  return {
    enabled: setting.enabled,
    byThisRun: setting.record !== undefined,
    readOnlyByThisRun: setting.record?.previous.readOnly !== undefined,
  };
}

/** The registry's settings when a start begins. */
export interface SettingsNow {
  /** Deletion is enabled. */
  readonly enabled: boolean;
  /** An earlier start of this run has changed one, and not put it back. */
  readonly byThisRun: boolean;
  /** An earlier start of this run has made it read-only, and not writable again. */
  readonly readOnlyByThisRun: boolean;
}

/** @throws RefusedError when garbage could not be collected in the registry's pods, before anything is changed for it */
export async function requireCollectable(world: World, connection: Connection): Promise<void> {
  const { options, clock, work: signal } = world;
  const workload = await connection.workload.read(signal);
  const container = registryContainer(workload, containerOf(options));
  const replicas = await inspectReplicas({ ...connection, clock, signal }, container.name);
  refuseUnrollable(workload);
  refuseUncollectable(workload, { container, replicas });
  const unseen = replicas.some(({ serving }) => !serving.inFiles);
  if (unseen && !options.allowUnseenUploads) throw unseenUploads();
}

/** A pod of this program is needed to reach the registry. */
export function usesPod({ via, localSkopeo }: Options): boolean {
  return via === 'pod' || (via === 'skopeo' && !localSkopeo);
}

/** How the registry's container is recognised. */
export function containerOf(options: Options): { name: string | undefined; port: number | undefined } {
  return { name: options.registryContainer, port: portOf(options.registry) };
}

/** The port of `HOST:PORT`, if it has one. */
function portOf(registry: string): number | undefined {
  const port = /:([0-9]+)$/.exec(registry)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** The password from the environment or the command line, else from the Secret. */
export async function findCredentials(world: World, connection: Connection): Promise<Credentials> {
  const { options, password } = world;
  if (password !== undefined) return { username: options.username ?? DEFAULT_USERNAME, password };
  const found = await connection.cluster.registryCredentials(world.work);
  if (found) return { ...found, username: options.username ?? found.username };
  throw new UsageError(
    `There is no password: SKOPEO_PASSWORD is not set, and there is no Secret ${options.secretName} in namespace ${options.secretNamespace}.`,
    { next: 'Set SKOPEO_PASSWORD, or name the Secret with --secret-name and --secret-namespace.' },
  );
}
