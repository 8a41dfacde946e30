/** `status`: what is going on, or was left, on this machine and in the cluster. Changes nothing, and takes no lock. */
import { readSetting } from '../domain/deletion-setting.ts';
import { CleanerError, UnreachableError } from '../domain/errors.ts';
import { countFigures } from '../domain/outcome.ts';
import { registryContainer } from '../domain/registry-container.ts';
import { rolloutState } from '../domain/rollout.ts';
import { isResumable } from '../domain/run.ts';
import { isChanged, recordedContainer } from '../domain/setting-change.ts';
import { recordOf } from '../domain/setting-record.ts';
import type { Finding, LeaseStatus, PodStatus, RegistryStatus, RunStatus, Status } from '../domain/status.ts';
import { tellStatus } from '../domain/status.ts';
import { describe, type Workload } from '../domain/workload.ts';
import { containerOf } from './preflight.ts';
import type { Connection, World } from './world.ts';

/**
 * Tells what can be found out. What is missing does not keep the rest from being told.
 *
 * @returns why something could not be read; `undefined` when all was. That uploads may not be counted is no matter.
 */
export async function status(world: World): Promise<unknown> {
  const { person, clock } = world;
  const connection = await world.connect('status');
  const failures: unknown[] = [];
  const note = (error: unknown) => void failures.push(error);
  const [local, registry, pod, lease, openUploads] = await Promise.all([
    finding(findLocal(world), note),
    finding(findRegistry(world, { connection, note }), note),
    // By a route without a pod one need not be allowed to see whether there is one.
    finding(findPod(world, connection), (error) => isForbidden(error) || note(error)),
    finding(findLease(world, connection), note),
    finding(countUploads(world, connection)),
  ]);
  const found: Status = { at: new Date(clock.now()).toISOString(), local, registry, pod, lease, openUploads };
  world.work.throwIfAborted();
  person.event({ event: 'status', ...found });
  person.say(tellStatus(found));
  return failures[0];
}

function isForbidden(error: unknown): boolean {
  return error instanceof UnreachableError && error.forbidden;
}

/** What was found, or why it was not; a defect of the program is none of these. */
async function finding<T>(work: Promise<T>, note: (error: unknown) => void = () => {}): Promise<Finding<T>> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof CleanerError)) throw error;
    note(error);
    return { unknown: error.message };
  }
}

async function findLocal({ archive }: World): Promise<{ run?: RunStatus; process?: number }> {
  const process = await archive.holder();
  const runs = await archive.recent(Number.POSITIVE_INFINITY);
  const open = runs.find(({ record }) => isResumable(record));
  if (open === undefined) return process === undefined ? {} : { process };
  const { record, folder } = open;
  const { plans, outcomes } = await open.read();
  const { planned, deleted, alreadyGone } = countFigures([...plans], outcomes);
  const run: RunStatus = {
    id: record.id,
    stage: record.stage,
    since: record.startedAt,
    ...(record.by !== undefined && { by: record.by }),
    planned,
    deleted: deleted + alreadyGone,
    folder,
  };
  return { run, ...(process !== undefined && { process }) };
}

async function findRegistry(
  world: World,
  given: { connection: Connection; note: (error: unknown) => void },
): Promise<RegistryStatus> {
  const workload = await given.connection.workload.read(world.work);
  const record = recordOf(workload);
  const container = containerIn(world, workload);
  const changedBy = record && { run: record.run, by: record.by, since: record.since };
  return {
    workload: describe(workload),
    deletionEnabled: readSetting(workload, container).enabled,
    readOnly: isChanged(workload, container, 'readOnly'),
    ...(changedBy && { changedBy }),
    rollout: await finding(findRollout(world, { ...given, workload }), given.note),
  };
}

async function findRollout(
  world: World,
  { connection, workload }: { connection: Connection; workload: Workload },
): Promise<{ over: boolean; waitingFor?: string }> {
  const pods = await connection.workload.pods(world.work);
  const state = rolloutState(workload, pods, containerIn(world, workload).name);
  return state.over ? { over: true } : { over: false, waitingFor: state.waitingFor };
}

/** The registry's container: the one that a run has recorded, or the one that looks like it. */
function containerIn({ options }: World, workload: Workload) {
  const record = recordOf(workload);
  return record ? recordedContainer(workload, record) : registryContainer(workload, containerOf(options));
}

async function findPod({ work, clock }: World, { pod }: Connection): Promise<{ there?: PodStatus }> {
  const found = await pod.find(work);
  if (found === undefined) return {};
  const { name, run, phase, terminating, createdAt } = found;
  const ageSeconds = Math.max(0, Math.round((clock.now() - Date.parse(createdAt)) / 1000));
  return { there: { name, run, phase, terminating, ageSeconds } };
}

async function findLease({ work }: World, { lease }: Connection): Promise<{ held?: LeaseStatus }> {
  const found = await lease.find(work);
  if (found === undefined) return {};
  const { run, by, host, pid } = found.holder;
  return { held: { run, by, host, pid, since: found.since, renewedAt: found.renewedAt } };
}

async function countUploads(world: World, connection: Connection): Promise<{ count: number }> {
  const workload = await connection.workload.read(world.work);
  const container = containerIn(world, workload).name;
  return { count: await connection.openUploads.count(container, world.work) };
}
